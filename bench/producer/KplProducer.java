import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.MoreExecutors;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/** The KPL as a producer of the bench: sends as many events as each line of its input asks for, and says the number once all are acknowledged. */
public final class KplProducer {
  /** Records that may be unacknowledged at a time, so that it is never idle and its memory stays bounded. */
  private static final int OUTSTANDING = 100_000;
  private static final int MATCHES = 64;

  public static void main(String[] args) throws Exception {
    Map<String, String> env = System.getenv();
    String stream = env.get("BENCH_STREAM");
    byte[] event = env.get("BENCH_EVENT").getBytes(StandardCharsets.UTF_8);
    KinesisProducerConfiguration configuration = new KinesisProducerConfiguration()
        .setRegion(env.get("AWS_REGION"))
        .setKinesisEndpoint(env.get("BENCH_HOST"))
        .setKinesisPort(Long.parseLong(env.get("BENCH_PORT")))
        .setStsEndpoint(env.get("BENCH_HOST"))
        .setStsPort(Long.parseLong(env.get("BENCH_PORT")))
        .setVerifyCertificate(false)
        .setMetricsLevel("none")
        .setLogLevel("warning")
        .setTempDirectory(env.get("BENCH_TEMP"))
        .setCredentialsProvider(StaticCredentialsProvider.create(
            AwsBasicCredentials.create(env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY"))));
    String[] keys = new String[MATCHES];
    for (int i = 0; i < MATCHES; i++) keys[i] = "bench-match-" + i;
    KinesisProducer producer = new KinesisProducer(configuration);
    try (BufferedReader orders = new BufferedReader(new InputStreamReader(System.in))) {
      System.out.println("ready");
      long number = 0;
      for (String order = orders.readLine(); order != null; order = orders.readLine()) {
        int count = Integer.parseInt(order);
        Semaphore free = new Semaphore(OUTSTANDING);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 0; i < count; i++, number++) {
          free.acquire();
          String key = keys[(int) (number % MATCHES)];
          Futures.addCallback(producer.addUserRecord(stream, key, ByteBuffer.wrap(numbered(event, number))), new FutureCallback<UserRecordResult>() {
            @Override
            public void onSuccess(UserRecordResult result) {
              free.release();
            }

            @Override
            public void onFailure(Throwable cause) {
              failure.compareAndSet(null, cause);
              free.release();
            }
          }, MoreExecutors.directExecutor());
        }
        producer.flush();
        free.acquire(OUTSTANDING);
        if (failure.get() != null) throw new IllegalStateException(failure.get());
        System.out.println(count);
      }
    } finally {
      producer.destroy();
    }
  }

  /** The event with its number in the place of the template's zeros. */
  private static byte[] numbered(byte[] event, long number) {
    byte[] bytes = event.clone();
    int at = NUMBER_ENDS - 1;
    for (long rest = number; rest > 0; rest /= 10) bytes[at--] = (byte) ('0' + rest % 10);
    return bytes;
  }

  private static final int NUMBER_ENDS = Integer.parseInt(System.getenv("BENCH_NUMBER_ENDS"));
}
