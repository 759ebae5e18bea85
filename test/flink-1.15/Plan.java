import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.config.ExecutionConfigOptions;
import org.apache.flink.table.api.config.OptimizerConfigOptions;
import org.apache.flink.table.api.config.TableConfigOptions;

/**
 * Prints the keys of this Flink's table options, one a line, then {@code PLAN} and how it would run a note's SQL: statements from stdin, one a line; every INSERT
 * is part of one job.
 */
public final class Plan {
  private static final Pattern SETTING = Pattern.compile("SET (\\S+)=(\\S+)");

  public static void main(String[] args) throws Exception {
    for (Class<?> options : new Class<?>[] {ExecutionConfigOptions.class, OptimizerConfigOptions.class, TableConfigOptions.class}) {
      for (Field field : options.getDeclaredFields()) {
        if (ConfigOption.class.isAssignableFrom(field.getType())) {
          System.out.println(((ConfigOption<?>) field.get(null)).key());
        }
      }
    }
    TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
    StatementSet inserts = tables.createStatementSet();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Matcher setting = SETTING.matcher(line);
      if (setting.matches()) {
        tables.getConfig().set(setting.group(1), setting.group(2));
      } else if (line.startsWith("INSERT")) {
        inserts.addInsertSql(line);
      } else {
        tables.executeSql(line);
      }
    }
    System.out.println("PLAN");
    System.out.println(inserts.explain().replaceFirst("(?s).*== Optimized Execution Plan ==", ""));
  }
}
