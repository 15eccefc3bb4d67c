/**
 * The import rule of the house: a stage imports itself and `contract/`, never another stage.
 * Only `tidings.module.ts` (and `main.ts`, `index.ts`) may see two stages.
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'stage-imports-itself-and-contract-only',
      comment: 'Tie stages together by a port in contract/ and bind it in tidings.module.ts.',
      severity: 'error',
      from: { path: '^src/(jobs|log|live|stream|inbox|http|ops|service)/' },
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/contract/'] },
    },
    {
      name: 'client-imports-types-of-contract-only',
      comment: 'The browser client must not pull server code into a page.',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '^src/', pathNot: '^src/client/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'react-and-element-import-the-client-only',
      comment:
        'They are made of the public client, as an application of its own would be; what a safe link is has one place.',
      severity: 'error',
      from: { path: '^src/(react|element)/' },
      to: {
        path: '^src/',
        pathNot: ['^src/$1/', '^src/client/index\\.ts$', '^src/contract/link\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'stages-do-not-import-the-browser-side',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(client|react|element)/' },
      to: { path: '^src/(client|react|element)/' },
    },
    {
      name: 'contract-imports-no-framework',
      comment: 'The contract must be readable and testable without Nest, a database or a queue.',
      severity: 'error',
      from: { path: '^src/contract/' },
      to: { path: ['^src/(?!contract/)', 'node_modules/(@nestjs|pg|bullmq|ioredis|typeorm|express)/'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'module-needs-runtime-dependencies-only',
      comment:
        'What only the service needs never reaches an importer: service/ and main.ts alone may use devDependencies.',
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
