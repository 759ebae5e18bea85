import type {
  AnalysisSummary,
  CreateAnalysisRequest,
  CreateAnalysisResponse,
  DeleteAnalysisRequest,
  DeleteAnalysisResponse,
  DescribeAnalysisDefinitionRequest,
  DescribeAnalysisDefinitionResponse,
  DescribeAnalysisRequest,
  DescribeAnalysisResponse,
  ListAnalysesRequest,
  ListAnalysesResponse,
  ResourceStatus,
  RestoreAnalysisRequest,
  RestoreAnalysisResponse,
  UpdateAnalysisRequest,
  UpdateAnalysisResponse,
} from '@aws-sdk/client-quicksight';
import { DAY_MS } from '../../pipeline/time.ts';
import { type Aws, awsError, type Operation } from '../aws.ts';
import { type Analysis, analyses, assetArn, checkName, found, lastVerb, newAsset, page, statusOf } from './assets.ts';
import { checked } from './definitions.ts';

export const createAnalysis: Operation<CreateAnalysisRequest, CreateAnalysisResponse> = (input, aws) => {
  const { AnalysisId: id = '' } = input;
  purge(aws);
  analyses(aws).set(id, { ...newAsset(aws, 'analysis', { ...input, id }), ...checked(aws, input) });
  aws.begins('analysis', id);
  return { Arn: assetArn(aws, 'analysis', id), AnalysisId: id, CreationStatus: 'CREATION_IN_PROGRESS', Status: 202 };
};

export const describeAnalysis: Operation<DescribeAnalysisRequest, DescribeAnalysisResponse> = ({ AnalysisId: id }, aws) => {
  const analysis = analysisOf(aws, id);
  return {
    Analysis: {
      ...summary(aws, analysis),
      Errors: shownErrors(aws, analysis),
      DataSetArns: analysis.definition.DataSetIdentifierDeclarations?.map(({ DataSetArn }) => DataSetArn!),
      Sheets: analysis.definition.Sheets?.map(({ SheetId, Name }) => ({ SheetId, Name })),
    },
  };
};

export const describeAnalysisDefinition: Operation<DescribeAnalysisDefinitionRequest, DescribeAnalysisDefinitionResponse> = (
  { AnalysisId: id },
  aws,
) => {
  const analysis = analysisOf(aws, id);
  return {
    AnalysisId: id,
    Name: analysis.name,
    ResourceStatus: status(aws, analysis),
    Errors: shownErrors(aws, analysis),
    Definition: analysis.definition,
  };
};

export const updateAnalysis: Operation<UpdateAnalysisRequest, UpdateAnalysisResponse> = (input, aws) => {
  const { AnalysisId: id = '', Name: name } = input;
  const analysis = analysisOf(aws, id);
  if (analysis.deletion) throw awsError('ConflictException', `Analysis ${assetArn(aws, 'analysis', id)} is deleted.`);
  checkName(name);
  const updated = new Date(Math.max(aws.now(), analysis.created.getTime() + 1));
  analyses(aws).set(id, { ...analysis, name: name!, updated, ...checked(aws, input) });
  aws.begins('analysis', id);
  return { Arn: assetArn(aws, 'analysis', id), AnalysisId: id, UpdateStatus: 'UPDATE_IN_PROGRESS', Status: 202 };
};

export const deleteAnalysis: Operation<DeleteAnalysisRequest, DeleteAnalysisResponse> = (input, aws) => {
  const { AnalysisId: id = '', RecoveryWindowInDays: days = 30, ForceDeleteWithoutRecovery: isFinal = false } = input;
  const analysis = analysisOf(aws, id);
  if (isFinal && input.RecoveryWindowInDays !== undefined)
    throw awsError('InvalidParameterValueException', 'RecoveryWindowInDays and ForceDeleteWithoutRecovery exclude each other.');
  if (days < 7 || days > 30) throw awsError('InvalidParameterValueException', `RecoveryWindowInDays ${days} must be between 7 and 30.`);
  const deletion = new Date(aws.now() + (isFinal ? 0 : days * DAY_MS));
  if (isFinal) analyses(aws).delete(id);
  else analyses(aws).set(id, { ...analysis, deletion });
  return { Arn: assetArn(aws, 'analysis', id), AnalysisId: id, DeletionTime: deletion };
};

export const restoreAnalysis: Operation<RestoreAnalysisRequest, RestoreAnalysisResponse> = ({ AnalysisId: id = '' }, aws) => {
  const { deletion, ...analysis } = analysisOf(aws, id);
  if (!deletion) throw awsError('ConflictException', `Analysis ${assetArn(aws, 'analysis', id)} is not deleted.`);
  analyses(aws).set(id, analysis);
  return { Arn: assetArn(aws, 'analysis', id), AnalysisId: id };
};

export const listAnalyses: Operation<ListAnalysesRequest, ListAnalysesResponse> = (input, aws) => {
  purge(aws);
  const { items, NextToken } = page(analyses(aws).values(), input);
  return { AnalysisSummaryList: items.map((analysis) => summary(aws, analysis)), NextToken };
};

/** The analysis, or ResourceNotFoundException. */
export function analysisOf(aws: Aws, id: string | undefined): Readonly<Analysis> {
  purge(aws);
  return found(aws, 'analysis', analyses(aws), id);
}

/** What is past its recovery window is gone. */
function purge(aws: Aws): void {
  for (const { id, deletion } of analyses(aws).values()) if (deletion && deletion.getTime() <= aws.now()) analyses(aws).delete(id);
}

const status = (aws: Aws, analysis: Readonly<Analysis>): ResourceStatus =>
  analysis.deletion ? 'DELETED' : statusOf(aws, aws.takes('analysis', analysis.id), lastVerb(analysis), analysis.updated, analysis.isValid);

const shownErrors = (aws: Aws, analysis: Readonly<Analysis>) =>
  analysis.errors.length > 0 && !status(aws, analysis).endsWith('_IN_PROGRESS') ? analysis.errors : undefined;

const summary = (aws: Aws, analysis: Readonly<Analysis>): AnalysisSummary => ({
  Arn: assetArn(aws, 'analysis', analysis.id),
  AnalysisId: analysis.id,
  Name: analysis.name,
  Status: status(aws, analysis),
  CreatedTime: analysis.created,
  LastUpdatedTime: analysis.updated,
});
