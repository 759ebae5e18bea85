/** True when AWS's answer has one of these names. Names, not classes: errors that a service does not model arrive as its generic exception. */
export const isNamed = (error: unknown, ...names: string[]): boolean => error instanceof Error && names.includes(error.name);

/** Runs a lookup or a removal and turns the service's own "missing" into undefined. */
export const undefinedIfMissing = <Found>(lookup: Promise<Found>, ...missing: string[]): Promise<Found | undefined> =>
  unless(lookup, (error) => isNamed(error, ...missing));

/** Runs a call that the thing may be too busy for; undefined then, and the caller comes again. */
export const undefinedIfBusy = <Answer>(call: Promise<Answer>, ...busy: string[]): Promise<Answer | undefined> =>
  unless(call, (error) => isNamed(error, ...busy));

/** Runs a call and turns the errors that `expected` knows into undefined. */
export async function unless<Answer>(call: Promise<Answer>, expected: (error: unknown) => boolean): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (expected(error)) return undefined;
    throw error;
  }
}

/** True when AWS says that the caller may not do this. */
export const isRefused = (error: unknown): boolean =>
  isNamed(
    error,
    'AccessDenied',
    'AccessDeniedException',
    'UnauthorizedOperation',
    'NotAuthorizedException',
    'UnsupportedUserEditionException',
  );

/** What services say, each in its own words, of a caller whose credentials are wrong, expired or missing, or not good in this region. */
const UNKNOWN_CALLER = [
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidToken',
  'ExpiredToken',
  'ExpiredTokenException',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'AuthFailure',
  'NotSignedUp',
  'OptInRequired',
  'SubscriptionRequiredException',
  'CredentialsProviderError',
  'TokenProviderError',
];

/** True when AWS does not know the caller, or the SDK has no credentials to call with. */
export const isUnknownCaller = (error: unknown): boolean => isNamed(error, ...UNKNOWN_CALLER);

/** Errors that asking again cannot mend: the request itself is wrong, or the caller may not make it. */
export const FINAL = [
  'ValidationException',
  'InvalidParameterValueException',
  'SerializationException',
  'NotImplemented',
  ...UNKNOWN_CALLER,
];
