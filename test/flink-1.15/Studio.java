import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs a note's SQL on the Flink that Studio has, in this JVM: statements from stdin, one a line, up to an empty one; every INSERT is part of one job, as with
 * {@code runAsOne=true}.
 *
 * <p>Argument: the parallelism. Prints {@code RUNNING} once the job is submitted, ends with what the job fails of, and when stdin ends.
 */
public final class Studio {
  private static final Pattern SETTING = Pattern.compile("SET (\\S+)=(\\S+)");

  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    configuration.setString("parallelism.default", args[0]);
    configuration.setString("restart-strategy", "none");
    configuration.setString("execution.checkpointing.interval", "10 s");
    TableEnvironment tables =
        TableEnvironment.create(EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(configuration).build());
    StatementSet inserts = tables.createStatementSet();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null && !line.isEmpty(); line = lines.readLine()) {
      Matcher setting = SETTING.matcher(line);
      if (setting.matches()) {
        tables.getConfig().set(setting.group(1), setting.group(2)); // a client's word, as Zeppelin is one
      } else if (line.startsWith("INSERT")) {
        inserts.addInsertSql(line);
      } else {
        tables.executeSql(line);
      }
    }
    exitWhenStdinEnds(lines);
    var job = inserts.execute();
    System.out.println("RUNNING");
    job.await();
  }

  private static void exitWhenStdinEnds(BufferedReader lines) {
    Thread watch = new Thread(() -> {
      try {
        while (lines.readLine() != null) {
          // Nothing is said any more: its end is waited for.
        }
      } catch (IOException broken) {
        System.err.println("stdin: " + broken.getMessage());
      }
      Runtime.getRuntime().halt(0);
    }, "exit-with-parent");
    watch.setDaemon(true);
    watch.start();
  }
}
