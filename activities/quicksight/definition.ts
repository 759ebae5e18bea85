import type { AnalysisDefinition } from '@aws-sdk/client-quicksight';
import { dashboardDefinition } from '../../pipeline/dashboard.ts';
import type { Pipeline } from '../../pipeline/spec.ts';
import { differences } from '../differences.ts';
import type { Difference } from '../resource.ts';
import { hashOf } from '../spec-hash.ts';

/** Tells what a thing was made from: QuickSight may give a definition back in words of its own. */
export const definitionHash = (pipeline: Pipeline): string => hashOf(dashboardDefinition(pipeline));

/** What of the pipeline's definition QuickSight reports otherwise, by its paths inside. */
export const definitionDifferences = (pipeline: Pipeline, reported: AnalysisDefinition | undefined): Difference[] =>
  differences(dashboardDefinition(pipeline), reported, 'Definition.');
