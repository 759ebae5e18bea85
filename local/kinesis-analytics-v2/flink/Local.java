import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.table.gateway.rest.SqlGatewayRestEndpoint;
import org.apache.flink.table.gateway.rest.SqlGatewayRestEndpointFactory;
import org.apache.flink.table.gateway.service.SqlGatewayServiceImpl;
import org.apache.flink.table.gateway.service.context.DefaultContext;
import org.apache.flink.table.gateway.service.session.SessionManager;

/**
 * One Flink cluster and one SQL Gateway in one JVM, bound to loopback.
 *
 * <p>Arguments: {@code --rest-port N|N-M --gateway-port N|N-M --slots N --dir PATH [--checkpoint-ms N --pause-ms N]}; port 0 means any
 * free one, a range the first free one; without the last two no job makes checkpoints. Prints one JSON line
 * {@code {"restUrl":…,"gatewayUrl":…}} on stdout once both answer, sends everything else to stderr, and exits when stdin ends.
 */
public final class Local {
  private static final String LOOPBACK = "127.0.0.1";

  public static void main(String[] args) throws Exception {
    PrintStream stdout = System.out;
    System.setOut(System.err);
    exitWhenStdinEnds();

    Map<String, String> options = options(args);
    Map<String, String> settings = settings(Path.of(options.get("dir")), options.get("rest-port"));
    if (options.containsKey("checkpoint-ms")) {
      settings.put("execution.checkpointing.interval", options.get("checkpoint-ms") + " ms");
      settings.put("execution.checkpointing.min-pause", options.get("pause-ms") + " ms");
    }
    int slots = Integer.parseInt(options.get("slots"));
    // A shuffle has slots x slots channels, each with buffers of its own: many small ones, or 12 shards find "Insufficient number".
    String network = Math.max(64, 4 * slots) + "m";
    settings.put("taskmanager.memory.network.min", network);
    settings.put("taskmanager.memory.network.max", network);
    settings.put("taskmanager.memory.segment-size", "8kb");
    // Divided among the slots, taken only when used; windows refuse to start with less than a few MB each.
    settings.put("taskmanager.memory.managed.size", 16 * slots + "m");
    MiniCluster cluster = new MiniCluster(
        new MiniClusterConfiguration.Builder()
            .setConfiguration(Configuration.fromMap(settings))
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(slots)
            .setCommonBindAddress(LOOPBACK)
            .build());
    cluster.start();
    int restPort = cluster.getRestAddress().get().getPort();
    int gatewayPort = startGateway(settings, restPort, options.get("gateway-port"));

    stdout.printf(
        "{\"restUrl\":\"http://%s:%d\",\"gatewayUrl\":\"http://%s:%d\"}%n", LOOPBACK, restPort, LOOPBACK, gatewayPort);
    stdout.flush();
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

  private static int startGateway(Map<String, String> settings, int restPort, String port) throws Exception {
    settings.put("rest.port", Integer.toString(restPort));
    settings.put("execution.target", "remote");
    settings.put("sql-gateway.session.idle-timeout", "0 s");
    SessionManager sessions =
        SessionManager.create(new DefaultContext(Configuration.fromMap(settings), Collections.emptyList()));
    sessions.start();
    Map<String, String> endpoint = Map.of("address", LOOPBACK, "bind-address", LOOPBACK, "port", port, "bind-port", port);
    SqlGatewayRestEndpoint gateway = new SqlGatewayRestEndpoint(
        SqlGatewayRestEndpointFactory.rebuildRestEndpointOptions(endpoint, settings), new SqlGatewayServiceImpl(sessions));
    gateway.start();
    return gateway.getServerAddress().getPort();
  }

  private static Map<String, String> options(String[] args) {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) {
      options.put(args[i].substring("--".length()), args[i + 1]);
    }
    return options;
  }

  /** The parent holds the other end of stdin: when it dies, however it dies, so does this JVM. Nothing in it is worth a slow exit. */
  private static void exitWhenStdinEnds() {
    Thread watch = new Thread(() -> {
      try {
        System.in.transferTo(java.io.OutputStream.nullOutputStream());
      } catch (IOException broken) {
        System.err.println("stdin: " + broken.getMessage());
      }
      Runtime.getRuntime().halt(0);
    }, "exit-with-parent");
    watch.setDaemon(true);
    watch.start();
  }
}
