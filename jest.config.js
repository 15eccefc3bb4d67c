/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  // `npm run test:slow`, see jest.slow.config.js.
  testPathIgnorePatterns: ['<rootDir>/test/slow/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  reporters: ['default', '<rootDir>/test/support/reporter.cjs'],
  testSequencer: '<rootDir>/test/support/sequencer.cjs',
  // What holds is seen at once; what a busy machine delays does not fail.
  testTimeout: 60_000,
  // Tests wait for servers, timers and sockets more than they compute.
  maxWorkers: 6,
};
