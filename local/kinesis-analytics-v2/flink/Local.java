import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.gateway.rest.SqlGatewayRestEndpoint;
import org.apache.flink.table.gateway.rest.SqlGatewayRestEndpointFactory;
import org.apache.flink.table.gateway.service.SqlGatewayServiceImpl;
import org.apache.flink.table.gateway.service.context.DefaultContext;
import org.apache.flink.table.gateway.service.session.SessionManager;

/**
 * Flink clusters with an SQL Gateway, one after the other in one JVM, bound to loopback: the next one finds warm what the last one has used.
 *
 * <p>Goes by lines on stdin. {@code {"restPort":"N|N-M","slots":N,"dir":PATH,"checkpointMs":N,"pauseMs":N,"properties":{…}}} starts one:
 * port 0 means any free one, a range the first free one; without {@code checkpointMs} no job makes checkpoints; the properties are the
 * system's from then on. It is answered on stdout by {@code {"restUrl":…,"gatewayUrl":…}} once both answer. An empty line ends it, and is
 * answered by an empty line once nothing of it runs any more. All else goes to stderr. The JVM exits when stdin ends, or with what fails.
 */
public final class Local {
  private static final String LOOPBACK = "127.0.0.1";
  private static final long STATEMENT_ENDS_WITHIN_MS = 500;

  private final MiniCluster cluster;
  private final SessionManager sessions;
  private final SqlGatewayRestEndpoint gateway;

  public static void main(String[] args) {
    PrintStream stdout = System.out;
    System.setOut(System.err);
    BlockingQueue<String> lines = linesOfStdin();
    try {
      for (;;) {
        Local local = new Local(new ObjectMapper().readTree(lines.take()));
        stdout.println(local.addresses());
        lines.take();
        local.close();
        stdout.println();
      }
    } catch (Throwable fault) {
      fault.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private Local(JsonNode options) throws Exception {
    options.path("properties").fields().forEachRemaining(each -> System.setProperty(each.getKey(), each.getValue().asText()));
    Map<String, String> settings = settings(Path.of(options.get("dir").asText()), options.get("restPort").asText());
    if (options.has("checkpointMs")) {
      settings.put("execution.checkpointing.interval", options.get("checkpointMs").asText() + " ms");
      settings.put("execution.checkpointing.min-pause", options.get("pauseMs").asText() + " ms");
    }
    int slots = options.get("slots").asInt();
    // A shuffle has slots x slots channels, each with buffers of its own: many small ones, or 12 shards find "Insufficient number".
    String network = Math.max(64, 4 * slots) + "m";
    settings.put("taskmanager.memory.network.min", network);
    settings.put("taskmanager.memory.network.max", network);
    settings.put("taskmanager.memory.segment-size", "8kb");
    // Divided among the slots, taken only when used; windows refuse to start with less than a few MB each.
    settings.put("taskmanager.memory.managed.size", 16 * slots + "m");
    cluster = new MiniCluster(
        new MiniClusterConfiguration.Builder()
            .setConfiguration(Configuration.fromMap(settings))
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(slots)
            .setCommonBindAddress(LOOPBACK)
            .build());
    cluster.start();
    settings.put("rest.port", Integer.toString(cluster.getRestAddress().get().getPort()));
    settings.put("execution.target", "remote");
    settings.put("sql-gateway.session.idle-timeout", "0 s");
    sessions = SessionManager.create(new DefaultContext(Configuration.fromMap(settings), Collections.emptyList()));
    sessions.start();
    Map<String, String> endpoint = Map.of("address", LOOPBACK, "bind-address", LOOPBACK, "port", "0", "bind-port", "0");
    gateway = new SqlGatewayRestEndpoint(
        SqlGatewayRestEndpointFactory.rebuildRestEndpointOptions(endpoint, settings), new SqlGatewayServiceImpl(sessions));
    gateway.start();
  }

  private String addresses() throws Exception {
    return String.format(
        "{\"restUrl\":\"http://%s:%d\",\"gatewayUrl\":\"http://%s:%d\"}",
        LOOPBACK, cluster.getRestAddress().get().getPort(), LOOPBACK, gateway.getServerAddress().getPort());
  }

  private void close() throws Exception {
    gateway.stop();
    sessions.stop();
    awaitStatements();
    cluster.close();
    System.gc(); // what it held goes back to the machine
  }

  /** A statement that is still planned would go to whatever cluster has this one's port by then: with it under way, the JVM has to go. */
  private static void awaitStatements() throws InterruptedException {
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (!thread.getName().startsWith("sql-gateway-operation-pool")) {
        continue;
      }
      thread.join(STATEMENT_ENDS_WITHIN_MS);
      if (thread.isAlive()) {
        throw new IllegalStateException("a statement is still under way");
      }
    }
  }

  private static Map<String, String> settings(Path dir, String restPort) throws IOException {
    String temp = Files.createDirectories(dir.resolve("tmp")).toString();
    Path checkpoints = Files.createDirectories(dir.resolve("checkpoints"));
    Map<String, String> settings = new HashMap<>();
    settings.put("rest.address", LOOPBACK);
    settings.put("rest.bind-address", LOOPBACK);
    settings.put("rest.bind-port", restPort);
    settings.put("jobmanager.bind-host", LOOPBACK);
    settings.put("taskmanager.bind-host", LOOPBACK);
    settings.put("taskmanager.host", LOOPBACK);
    settings.put("web.submit.enable", "false");
    settings.put("web.access-control-allow-origin", "null");
    settings.put("io.tmp.dirs", temp);
    settings.put("web.tmpdir", temp);
    // The default, in memory, holds 5 MiB a state: 150,000 event ids would fail every checkpoint.
    settings.put("execution.checkpointing.storage", "filesystem");
    settings.put("execution.checkpointing.dir", checkpoints.toUri().toString());
    // Watermarks are asked for to see whether a window has closed; the default shows them up to 10 s late.
    settings.put("metrics.fetcher.update-interval", "1000");
    settings.put("restart-strategy.type", "exponential-delay");
    settings.put("restart-strategy.exponential-delay.initial-backoff", "500 ms");
    settings.put("restart-strategy.exponential-delay.max-backoff", "10 s");
    // Without an end, a job whose stream does not exist would look as if it ran.
    settings.put("restart-strategy.exponential-delay.attempts-before-reset-backoff", "8");
    settings.put("restart-strategy.exponential-delay.reset-backoff-threshold", "1 min");
    return settings;
  }

  /** The parent holds the other end of stdin: when it dies, however it dies, so does this JVM. Nothing in it is worth a slow exit. */
  private static BlockingQueue<String> linesOfStdin() {
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Thread reader = new Thread(() -> {
      try {
        BufferedReader stdin = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = stdin.readLine(); line != null; line = stdin.readLine()) {
          lines.add(line);
        }
      } catch (IOException broken) {
        System.err.println("stdin: " + broken.getMessage());
      }
      Runtime.getRuntime().halt(0);
    }, "exit-with-parent");
    reader.setDaemon(true);
    reader.start();
    return lines;
  }
}
