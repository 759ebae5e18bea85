import type { Aws } from '../aws.ts';
import { type CatalogTable, partitionsOf } from '../glue/catalog.ts';
import { placeOf } from '../glue/crawl.ts';
import type { StoredObject } from '../s3/store.ts';
import { isProjected, projectedPartitions } from './projection.ts';

/** One partition's files, or with no values those of a table without partitions; and the SerDe's parameters for reading them, where these are not the table's. */
export interface TablePart {
  values: string[];
  serde?: Record<string, string>;
  files: Readonly<StoredObject>[];
}

/** The files that Athena reads for a table: those below the places the catalog names, without names that begin with `_` or `.`. */
export function partsOf(aws: Aws, table: Readonly<CatalogTable>): TablePart[] {
  const root = placeOf(table.StorageDescriptor?.Location ?? '');
  if ((table.PartitionKeys ?? []).length === 0)
    return [{ values: [], files: readable(aws.objects.list(root.bucket, root.prefix), root.prefix) }];
  if (isProjected(table))
    return projectedPartitions(aws, table).map(({ values, prefix, files }) => ({ values, files: readable(files, prefix) }));
  const below = byFolder(aws, root);
  return partitionsOf(aws, table).map(({ Values: values, StorageDescriptor: storage }) => {
    const { bucket, prefix } = placeOf(storage?.Location ?? '');
    const isInside = bucket === root.bucket && prefix.startsWith(root.prefix);
    return {
      values,
      serde: storage?.SerdeInfo?.Parameters,
      files: readable(isInside ? below(prefix) : aws.objects.list(bucket, prefix), prefix),
    };
  });
}

const readable = (files: Readonly<StoredObject>[], prefix: string) =>
  files.filter(
    ({ key, size }) =>
      size > 0 &&
      !key.endsWith('/') &&
      !key
        .slice(prefix.length)
        .split('/')
        .some((name) => /^[_.]/.test(name)),
  );

/** One listing for all partitions: gives the files below a prefix, subfolders included. */
function byFolder(aws: Aws, { bucket, prefix }: { bucket: string; prefix: string }): (prefix: string) => Readonly<StoredObject>[] {
  const folders = new Map<string, Readonly<StoredObject>[]>();
  for (const object of aws.objects.list(bucket, prefix)) {
    const folder = object.key.slice(0, object.key.lastIndexOf('/') + 1);
    const members = folders.get(folder);
    if (members) members.push(object);
    else folders.set(folder, [object]);
  }
  const names = [...folders.keys()].sort();
  return (wanted) => {
    let low = 0;
    for (let high = names.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (names[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    const files: Readonly<StoredObject>[] = [];
    for (; low < names.length && names[low]!.startsWith(wanted); low++) files.push(...folders.get(names[low]!)!);
    return files;
  };
}
