import static org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames.CONTENT_LENGTH;
import static org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames.HOST;
import static org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames.ORIGIN;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.io.network.netty.InboundChannelHandlerFactory;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelFutureListener;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandler;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandlerContext;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInboundHandlerAdapter;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultFullHttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaders;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpRequest;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponseStatus;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpVersion;
import org.apache.flink.shaded.netty4.io.netty.util.ReferenceCountUtil;

/**
 * Refuses, with 403, a request to Flink's REST or to the SQL Gateway that a web page elsewhere sent: both run code for whoever
 * reaches them, and a browser on this machine reaches loopback. Found by Flink through {@code META-INF/services}.
 */
public final class OwnPagesOnly implements InboundChannelHandlerFactory {
  private static final Pattern LOOPBACK = Pattern.compile("(localhost|127\\.0\\.0\\.1|\\[::1])(:\\d+)?");

  @Override
  public int priority() {
    return 0;
  }

  @Override
  public Optional<ChannelHandler> createHandler(Configuration configuration, Map<String, String> responseHeaders) {
    return Optional.of(new ChannelInboundHandlerAdapter() {
      @Override
      public void channelRead(ChannelHandlerContext context, Object message) {
        if (!(message instanceof HttpRequest) || isOwn((HttpRequest) message)) {
          context.fireChannelRead(message);
          return;
        }
        ReferenceCountUtil.release(message);
        DefaultFullHttpResponse refusal = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.FORBIDDEN);
        refusal.headers().set(CONTENT_LENGTH, 0);
        context.writeAndFlush(refusal).addListener(ChannelFutureListener.CLOSE);
      }
    });
  }

  private static boolean isOwn(HttpRequest request) {
    HttpHeaders headers = request.headers();
    String host = headers.get(HOST, "");
    String origin = headers.get(ORIGIN);
    boolean sameOrigin = origin == null || origin.equals("http://" + host);
    // A link to the UI may stand anywhere; every other address does or tells something.
    boolean followsLink = "navigate".equals(headers.get("Sec-Fetch-Mode")) && request.uri().equals("/");
    boolean crossSite = "cross-site".equals(headers.get("Sec-Fetch-Site"));
    return LOOPBACK.matcher(host).matches() && sameOrigin && (!crossSite || followsLink);
  }
}
