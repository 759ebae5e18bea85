import { randomUUID } from 'node:crypto';
import * as schemas from '@aws-sdk/client-quicksight';
import { awsError, type Operation, type Service } from '../aws.ts';
import * as account from './account.ts';
import * as analyses from './analyses.ts';
import * as dashboards from './dashboards.ts';
import * as dataSets from './data-sets.ts';
import * as dataSources from './data-sources.ts';
import * as ingestions from './ingestions.ts';
import { servePages } from './page.ts';
import * as permissions from './permissions.ts';
import * as tags from './tags.ts';

const operations: Record<string, Operation> = {
  CancelIngestion: ingestions.cancelIngestion,
  CreateAnalysis: analyses.createAnalysis,
  CreateDashboard: dashboards.createDashboard,
  CreateDataSet: dataSets.createDataSet,
  CreateDataSource: dataSources.createDataSource,
  CreateIngestion: ingestions.createIngestion,
  DeleteAnalysis: analyses.deleteAnalysis,
  DeleteDashboard: dashboards.deleteDashboard,
  DeleteDataSet: dataSets.deleteDataSet,
  DeleteDataSource: dataSources.deleteDataSource,
  DescribeAccountSubscription: account.describeAccountSubscription,
  DescribeAnalysis: analyses.describeAnalysis,
  DescribeAnalysisDefinition: analyses.describeAnalysisDefinition,
  DescribeAnalysisPermissions: permissions.describeAnalysisPermissions,
  DescribeDashboard: dashboards.describeDashboard,
  DescribeDashboardDefinition: dashboards.describeDashboardDefinition,
  DescribeDashboardPermissions: permissions.describeDashboardPermissions,
  DescribeDataSet: dataSets.describeDataSet,
  DescribeDataSetPermissions: permissions.describeDataSetPermissions,
  DescribeDataSource: dataSources.describeDataSource,
  DescribeDataSourcePermissions: permissions.describeDataSourcePermissions,
  DescribeGroup: account.describeGroup,
  DescribeIngestion: ingestions.describeIngestion,
  DescribeUser: account.describeUser,
  GenerateEmbedUrlForRegisteredUser: account.generateEmbedUrlForRegisteredUser,
  ListAnalyses: analyses.listAnalyses,
  ListDashboards: dashboards.listDashboards,
  ListDashboardVersions: dashboards.listDashboardVersions,
  ListDataSets: dataSets.listDataSets,
  ListDataSources: dataSources.listDataSources,
  ListIngestions: ingestions.listIngestions,
  ListTagsForResource: tags.listTagsForResource,
  ListUsers: account.listUsers,
  RestoreAnalysis: analyses.restoreAnalysis,
  TagResource: tags.tagResource,
  UntagResource: tags.untagResource,
  UpdateAnalysis: analyses.updateAnalysis,
  UpdateAnalysisPermissions: permissions.updateAnalysisPermissions,
  UpdateDashboard: dashboards.updateDashboard,
  UpdateDashboardPermissions: permissions.updateDashboardPermissions,
  UpdateDashboardPublishedVersion: dashboards.updateDashboardPublishedVersion,
  UpdateDataSet: dataSets.updateDataSet,
  UpdateDataSetPermissions: permissions.updateDataSetPermissions,
  UpdateDataSource: dataSources.updateDataSource,
  UpdateDataSourcePermissions: permissions.updateDataSourcePermissions,
};

/** QuickSight (now Amazon Quick), with the page that draws its dashboards. */
export const quicksight: Service = {
  name: 'quicksight',
  protocol: 'rest-json',
  schemas,
  operations: Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, inAccount(operation)])),
  checkRegion: account.checkIdentityRegion,
  start: (aws) => {
    servePages(aws);
    ingestions.resumeIngestions(aws);
  },
};

/** Every operation names its account, and every answer carries its request's id and its status. */
function inAccount(operation: Operation): Operation {
  return async (input: { AwsAccountId?: string }, aws) => {
    if (input.AwsAccountId !== undefined && input.AwsAccountId !== aws.account)
      throw awsError(
        'AccessDeniedException',
        `Account ${input.AwsAccountId} is not the account of the credentials, which is ${aws.account}.`,
      );
    return { Status: 200, RequestId: randomUUID(), ...(await operation(input, aws)) };
  };
}
