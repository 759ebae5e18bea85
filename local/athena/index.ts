import * as schemas from '@aws-sdk/client-athena';
import type { Service } from '../aws.ts';
import { resumeExecutions } from './executions.ts';
import * as namedQueries from './named-queries.ts';
import * as queryExecutions from './query-executions.ts';
import * as tags from './tags.ts';
import * as workGroups from './work-groups.ts';

/** Athena: SQL over the Glue catalog's tables. */
export const athena: Service = {
  name: 'athena',
  protocol: 'json',
  schemas,
  operations: {
    BatchGetNamedQuery: namedQueries.batchGetNamedQuery,
    BatchGetQueryExecution: queryExecutions.batchGetQueryExecution,
    CreateNamedQuery: namedQueries.createNamedQuery,
    CreateWorkGroup: workGroups.createWorkGroup,
    DeleteNamedQuery: namedQueries.deleteNamedQuery,
    DeleteWorkGroup: workGroups.deleteWorkGroup,
    GetNamedQuery: namedQueries.getNamedQuery,
    GetQueryExecution: queryExecutions.getQueryExecution,
    GetQueryResults: queryExecutions.getQueryResults,
    GetWorkGroup: workGroups.getWorkGroup,
    ListNamedQueries: namedQueries.listNamedQueries,
    ListQueryExecutions: queryExecutions.listQueryExecutions,
    ListTagsForResource: tags.listTagsForResource,
    ListWorkGroups: workGroups.listWorkGroups,
    StartQueryExecution: queryExecutions.startQueryExecution,
    StopQueryExecution: queryExecutions.stopQueryExecution,
    TagResource: tags.tagResource,
    UntagResource: tags.untagResource,
    UpdateNamedQuery: namedQueries.updateNamedQuery,
    UpdateWorkGroup: workGroups.updateWorkGroup,
  },
  start: (aws) => {
    workGroups.ensurePrimary(aws);
    resumeExecutions(aws);
  },
};
