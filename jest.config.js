export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.tools/', '<rootDir>/.d2d/', '<rootDir>/.data2dashboard/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } }],
  },
  injectGlobals: false,
  setupFilesAfterEnv: ['<rootDir>/test/judged.ts'],
  maxWorkers: 2,
  // What a suite has loaded stays in its process; with all of it, the last suites take three times as long.
  workerIdleMemoryLimit: '500MB',
  // Guards against hanging alone: what a test promises of time it asserts itself.
  testTimeout: 600_000,
};
