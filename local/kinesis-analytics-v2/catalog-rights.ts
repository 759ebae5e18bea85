import type { Aws } from '../aws.ts';
import { glueArns } from '../glue/catalog.ts';
import { permissionsOf } from '../iam/permissions.ts';
import type { Application } from './application.ts';

/** Throws unless the application's role may do to its Glue database what the statement does to its tables. */
export type CatalogRights = (statement: string) => void;

const NAME = '(?:`[^`]+`|\\w+)(?:\\.(?:`[^`]+`|\\w+))*';
const DEFINITION = new RegExp(`^(CREATE|ALTER|DROP)\\s+(?:TABLE|VIEW)\\s+(?:IF\\s+(?:NOT\\s+)?EXISTS\\s+)?(${NAME})`, 'i');
const RIGHT: Record<string, string> = { CREATE: 'glue:CreateTable', ALTER: 'glue:UpdateTable', DROP: 'glue:DeleteTable' };
const TARGET = new RegExp(`\\bINSERT\\s+(?:INTO|OVERWRITE)\\s+(${NAME})`, 'gi');
/** Flink's planner looks into these whatever the statement is. */
const ALWAYS_LOOKED_INTO = ['hive', 'default'];

/**
 * What Studio asks Glue for in the application's role. The tables themselves are kept by the cluster here, and go with it; temporary views are in no catalog on
 * AWS either, and what a query reads through them is not looked at.
 */
export function catalogRights(aws: Aws, { role, glueDatabase }: Pick<Application, 'role' | 'glueDatabase'>): CatalogRights {
  const database = glueDatabase?.split(':database/')[1];
  if (database === undefined) return () => undefined;
  const may = permissionsOf(aws, role, 'KinesisAnalytics', 'AccessDeniedException');
  const mayDo = (action: string, ...of: [database: string, table?: string]) => {
    for (const arn of glueArns(aws, ...of)) may(action, arn);
  };
  return (statement) => {
    const [, verb = '', defined = ''] = DEFINITION.exec(statement) ?? [];
    const written = [...statement.matchAll(TARGET)].map(([, name = '']) => name);
    if (verb === '' && written.length === 0) return;
    mayDo('glue:GetDatabase', database);
    for (const name of ALWAYS_LOOKED_INTO) may('glue:GetDatabase', glueArns(aws, name).at(-1)!);
    for (const name of written) mayDo('glue:GetTable', database, tableOf(name));
    if (verb !== '') mayDo(RIGHT[verb.toUpperCase()]!, database, tableOf(defined));
  };
}

const tableOf = (name: string): string => name.split('.').at(-1)!.replaceAll('`', '').toLowerCase();
