/**
 * The import rule of `src/` (CONTRIBUTING.md, "The shape of the code"):
 *
 * | folder                                            | imports, besides itself                          |
 * | ------------------------------------------------- | ------------------------------------------------ |
 * | contract/                                         | nothing of ours, no framework                    |
 * | platform/                                         | contract/                                        |
 * | types/                                            | contract/ platform/                              |
 * | stages: jobs/ log/ live/ stream/ http/            | contract/ types/ platform/, never another stage  |
 * | metrics/ embedded-postgres/                       | contract/ platform/                              |
 * | module/                                           | all of the above but embedded-postgres/, metrics/ |
 * | service/                                          | module/ and all of the above                     |
 * | testing/                                          | module/ embedded-postgres/ and what a stage may  |
 * | cli/                                              | module/ service/ and what module/ may            |
 * | browser/ client/, then element/ and react/        | types only; client/, contract/model/link.ts too  |
 * | browser/push/                                     | as element/, and the requests of client/         |
 * | entry points (src/*.ts)                           | see the rules below; nothing imports them        |
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */
const only = (folder, ...allowed) => ({
  path: '^src/',
  pathNot: [`^src/${folder}/`, ...allowed.map((name) => `^src/${name}/`)],
});
const SHARED = ['contract', 'types', 'platform'];
const STAGES = ['jobs', 'log', 'live', 'stream', 'http'];

module.exports = {
  forbidden: [
    {
      name: 'contract-imports-nothing-of-ours',
      comment: 'The contract can be read and tested without Nest, a database or a queue.',
      severity: 'error',
      from: { path: '^src/contract/' },
      to: { path: ['^src/(?!contract/)', 'node_modules/(@nestjs|pg|bullmq|ioredis|typeorm|express)/'] },
    },
    {
      name: 'platform-imports-contract-only',
      comment: 'The shared floor knows nothing of notifications.',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: only('platform', 'contract'),
    },
    {
      name: 'types-import-contract-and-platform-only',
      severity: 'error',
      from: { path: '^src/types/' },
      to: only('types', 'contract', 'platform'),
    },
    {
      name: 'stage-imports-no-other-stage',
      comment: 'Connect stages by a port in contract/ports/ and bind it in module/.',
      severity: 'error',
      from: { path: `^src/(${STAGES.join('|')})/` },
      to: only('$1', ...SHARED),
    },
    {
      name: 'metrics-and-embedded-postgres-import-contract-and-platform-only',
      severity: 'error',
      from: { path: '^src/(metrics|embedded-postgres)/' },
      to: only('$1', 'contract', 'platform'),
    },
    {
      name: 'module-imports-stages-only',
      comment: 'A host installs the module: nothing of the service, the command line or the test kit.',
      severity: 'error',
      from: { path: '^src/module/' },
      to: only('module', ...SHARED, ...STAGES),
    },
    {
      name: 'service-is-an-application-on-top-of-the-module',
      severity: 'error',
      from: { path: '^src/service/' },
      to: only('service', 'module', 'metrics', 'tracing', 'embedded-postgres', ...SHARED, ...STAGES),
    },
    {
      name: 'testing-imports-the-module-and-embedded-postgres',
      severity: 'error',
      from: { path: '^src/testing/' },
      to: only('testing', 'module', 'embedded-postgres', ...SHARED),
    },
    {
      name: 'cli-imports-the-module-and-the-service',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: only('cli', 'module', 'service', ...SHARED, ...STAGES),
    },
    {
      name: 'index-exports-the-module',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: only('module', ...SHARED, ...STAGES),
    },
    {
      name: 'producer-exports-the-producer',
      comment: 'A program without Nest imports it: no module, no HTTP, no log.',
      severity: 'error',
      from: { path: '^src/producer\\.ts$' },
      to: only('jobs', ...SHARED),
    },
    {
      name: 'prometheus-exports-the-metrics',
      severity: 'error',
      from: { path: '^src/prometheus\\.ts$' },
      to: only('metrics', 'contract'),
    },
    {
      name: 'opentelemetry-exports-the-traces',
      severity: 'error',
      from: { path: '^src/opentelemetry\\.ts$' },
      to: only('tracing', 'contract'),
    },
    {
      name: 'main-starts-the-service',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: only('service'),
    },
    {
      name: 'nothing-imports-an-entry-point',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/[^/]+\\.ts$' },
    },
    {
      name: 'client-imports-types-of-contract-only',
      comment: 'The browser client must not pull server code into a page.',
      severity: 'error',
      from: { path: '^src/browser/client/' },
      to: { path: '^src/', pathNot: '^src/browser/client/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'react-and-element-import-the-client-only',
      comment: 'They use the public client, as an application would. The check of a link has one home.',
      severity: 'error',
      from: { path: '^src/browser/(react|element)/' },
      to: {
        path: '^src/',
        pathNot: ['^src/browser/$1/', '^src/browser/client/index\\.ts$', '^src/contract/model/link\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'push-imports-the-requests-of-the-client-only',
      comment: 'It has no feed: it sends requests with the same credential.',
      severity: 'error',
      from: { path: '^src/browser/push/' },
      to: {
        path: '^src/',
        pathNot: ['^src/browser/(push|client)/', '^src/contract/model/link\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'the-server-does-not-import-browser',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/browser/' },
      to: { path: '^src/browser/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'only-the-service-uses-development-dependencies',
      comment: 'What only the service needs never reaches an importer.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/service/', '^src/main\\.ts$'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'npm-peer', 'type-only'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
