import { JsonShapeDeserializer, JsonShapeSerializer, XmlShapeDeserializer, XmlShapeSerializer } from '@aws-sdk/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import { awsError, type Service } from './aws.ts';

const JSON_SETTINGS = { jsonName: true, timestampFormat: { useTrait: true, default: 7 as const } };
const XML_SETTINGS = { xmlNamespace: '', serviceNamespace: '', timestampFormat: { useTrait: true, default: 5 as const } };

type OperationSchema = [9, string, string, { http?: [string, string, number] } | number, unknown, unknown];

/** The SDK's schema of an operation, undefined if the service has none of that name. */
export const schemaOf = (service: Service, operation: string) => service.schemas[`${operation}$`] as OperationSchema;

/** The shape of an operation's input. */
export const inputOf = (service: Service, operation: string) => NormalizedSchema.of(schemaOf(service, operation)[4] as never);

/** The members of a structure, none for any other shape. */
export const members = (schema: NormalizedSchema): [string, NormalizedSchema][] =>
  schema.isStructSchema() ? [...schema.structIterator()] : [];

/** The names of a structure's required members: the schema lists them first and says how many they are. */
export function requiredOf(schema: NormalizedSchema): Set<string> {
  if (!schema.isStructSchema()) return new Set();
  const shape = schema.getSchema() as unknown as [number, string, string, unknown, string[], unknown[], number?];
  return new Set(shape[4].slice(0, shape[6] ?? 0));
}

/** Refuses a missing required member anywhere in the input, naming its path. */
export function requireMembers(schema: NormalizedSchema, value: unknown, path = ''): void {
  if (value === null || value === undefined) return;
  if (schema.isStructSchema()) {
    const required = requiredOf(schema);
    for (const [name, member] of members(schema)) {
      const item = (value as Record<string, unknown>)[name];
      const where = path === '' ? name : `${path}.${name}`;
      if (item === undefined || item === null) {
        if (required.has(name))
          throw awsError(
            'ValidationException',
            `1 validation error detected: Value null at '${where}' failed to satisfy constraint: Member must not be null`,
          );
      } else requireMembers(member, item, where);
    }
  } else if (schema.isListSchema() && Array.isArray(value)) {
    const item = schema.getValueSchema();
    if (item.isStructSchema() || item.isListSchema() || item.isMapSchema())
      for (const [i, entry] of value.entries()) requireMembers(item, entry, `${path}.${i + 1}.member`);
  } else if (schema.isMapSchema()) {
    for (const [key, entry] of Object.entries(value as object)) requireMembers(schema.getValueSchema(), entry, `${path}.${key}`);
  }
}

/** The value as JSON, in the form that its shape gives it. */
export function json(schema: NormalizedSchema, value: unknown): string {
  const serializer = new JsonShapeSerializer(JSON_SETTINGS);
  if (schema.isUnitSchema()) return '{}';
  serializer.write(schema, value);
  return String(serializer.flush());
}

/** The value as XML, its root element called `name`. */
export function xml(schema: NormalizedSchema, value: unknown, name: string, namespace = ''): string {
  const serializer = new XmlShapeSerializer({ ...XML_SETTINGS, xmlNamespace: namespace });
  serializer.write(schema, value);
  const root = schema.getMergedTraits().xmlName ?? schema.getName();
  return String(serializer.flush()).replace(new RegExp(`^<${root}|${root}>$|<${root}(?=/>$)`, 'g'), (tag: string) =>
    tag.replace(String(root), name),
  );
}

/** Reads a JSON body into the SDK's own shape; throws SerializationException. */
export function fromJson(schema: NormalizedSchema, body: Buffer): Record<string, unknown> {
  if (schema.isUnitSchema() || body.length === 0) return {};
  try {
    return (new JsonShapeDeserializer(JSON_SETTINGS).readObject(schema, JSON.parse(body.toString('utf8'))) ?? {}) as Record<
      string,
      unknown
    >;
  } catch (error) {
    throw awsError('SerializationException', `The request body is not what ${schema.getName()} is: ${(error as Error).message}`);
  }
}

/** Reads an XML body into the SDK's own shape; throws MalformedXML. */
export function fromXml(schema: NormalizedSchema, body: Buffer): unknown {
  try {
    return new XmlShapeDeserializer(XML_SETTINGS).read(schema, body);
  } catch (error) {
    throw awsError('MalformedXML', `The XML you provided was not well-formed: ${(error as Error).message}`);
  }
}
