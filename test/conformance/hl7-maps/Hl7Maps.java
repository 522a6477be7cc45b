import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.r4.context.IWorkerContext;
import org.hl7.fhir.r4.formats.JsonParser;
import org.hl7.fhir.r4.hapi.ctx.HapiWorkerContext;
import org.hl7.fhir.r4.model.Base;
import org.hl7.fhir.r4.model.Coding;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r4.model.ResourceFactory;
import org.hl7.fhir.r4.model.StructureMap;
import org.hl7.fhir.r4.utils.StructureMapUtilities;

/**
 * Runs maps on HL7's own engine (StructureMapUtilities of R4).
 *
 * In: a line of JSON each, {"name", "map", "imports": [], "target", "input"}: FML texts, the type of what the first group makes, and a
 * resource. Out: a line each, {"name", "result"} or {"name", "error"}.
 */
public class Hl7Maps {
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    // The libraries print to standard output as they like.
    System.setOut(System.err);
    // Readers of lines may take U+2028 for the end of one.
    ObjectMapper json = JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();
    FhirContext fhir = FhirContext.forR4();
    IWorkerContext definitions = new HapiWorkerContext(fhir, new DefaultProfileValidationSupport(fhir));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode one = json.readTree(line);
      ObjectNode answer = json.createObjectNode().put("name", one.get("name").asText());
      try {
        answer.set("result", json.readTree(run(definitions, one)));
      } catch (Throwable problem) {
        answer.put("error", problem.getClass().getSimpleName() + ": " + problem.getMessage());
      }
      out.println(json.writeValueAsString(answer));
    }
  }

  private static String run(IWorkerContext definitions, JsonNode one) throws Exception {
    List<StructureMap> library = new ArrayList<>();
    StructureMapUtilities engine = new StructureMapUtilities(withMaps(definitions, library), new Services());
    StructureMap map = engine.parse(one.get("map").asText(), one.get("name").asText());
    library.add(map);
    for (JsonNode text : one.get("imports")) library.add(engine.parse(text.asText(), "import"));
    Resource source = new JsonParser().parse(one.get("input").toString());
    Resource target = ResourceFactory.createResource(one.get("target").asText());
    engine.transform(null, source, map, target);
    return new JsonParser().composeString(target);
  }

  /** The same definitions, and the maps that may be imported. */
  private static IWorkerContext withMaps(IWorkerContext definitions, List<StructureMap> library) {
    return (IWorkerContext) Proxy.newProxyInstance(Hl7Maps.class.getClassLoader(), new Class<?>[] {IWorkerContext.class}, (proxy, method, args) -> {
      if (method.getName().equals("listTransforms")) return library;
      if (method.getName().equals("getTransform")) return library.stream().filter(map -> map.getUrl().equals(args[0])).findFirst().orElse(null);
      try {
        return method.invoke(definitions, args);
      } catch (InvocationTargetException problem) {
        throw problem.getCause();
      }
    });
  }

  private static class Services implements StructureMapUtilities.ITransformerServices {
    @Override
    public void log(String message) {}

    @Override
    public Base createType(Object context, String name) {
      return ResourceFactory.createResourceOrType(name);
    }

    @Override
    public Base createResource(Object context, Base resource, boolean atRoot) {
      return resource;
    }

    @Override
    public Coding translate(Object context, Coding source, String map) {
      throw new UnsupportedOperationException("no concept maps but those in the map");
    }

    @Override
    public Base resolveReference(Object context, String url) {
      throw new UnsupportedOperationException("nothing to resolve");
    }

    @Override
    public List<Base> performSearch(Object context, String url) {
      throw new UnsupportedOperationException("nothing to search");
    }
  }
}
