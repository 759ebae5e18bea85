import type { GetCallerIdentityRequest, GetCallerIdentityResponse } from '@aws-sdk/client-sts';
import * as schemas from '@aws-sdk/client-sts';
import type { Operation, Service } from '../aws.ts';

/** Whoever holds the local key pair is the one user of the account. */
const getCallerIdentity: Operation<GetCallerIdentityRequest, GetCallerIdentityResponse> = (_input, aws) => ({
  Account: aws.account,
  Arn: `arn:aws:iam::${aws.account}:user/local`,
  UserId: aws.credentials.accessKeyId.replace(/^AKIA/, 'AIDA'),
});

/** STS. */
export const sts: Service = { name: 'sts', protocol: 'query', schemas, operations: { GetCallerIdentity: getCallerIdentity } };
