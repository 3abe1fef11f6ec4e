/** The one rule between the folders: core <- contracts <- platform <- services. */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphan-resolution', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'core-sees-only-core',
      comment: 'core is pure domain: zod and @noble only, no I/O, no Node.',
      severity: 'error',
      from: { path: '^core/' },
      to: { pathNot: ['^core/', '^node_modules/zod/', '^node_modules/@noble/'] },
    },
    {
      name: 'contracts-see-core',
      severity: 'error',
      from: { path: '^contracts/' },
      to: { pathNot: ['^contracts/', '^core/', '^node_modules/zod/', '^node_modules/cborg/'] },
    },
    {
      name: 'platform-sees-contracts-and-core',
      severity: 'error',
      from: { path: '^platform/' },
      to: { path: '^(services|cli|firmware-sim|clients|console|scripts|tests)/' },
    },
    {
      name: 'services-do-not-see-each-other',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/([^/]+)/', pathNot: '^services/$1/' },
    },
    {
      name: 'services-do-not-see-tools',
      severity: 'error',
      from: { path: '^services/' },
      to: { path: '^(cli|firmware-sim|clients|console|scripts|tests)/' },
    },
    {
      name: 'clients-see-contracts-and-core',
      severity: 'error',
      from: { path: '^(firmware-sim|clients|console)/' },
      to: { path: '^(platform|services|cli|scripts|tests)/' },
    },
    {
      name: 'cli-sees-settings-of-services-alone',
      comment: 'A program like a service. It judges settings as the services do, by their own schemas.',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^(services|firmware-sim|console|scripts|tests)/', pathNot: '^services/[^/]+/config\\.ts$' },
    },
    {
      name: 'one-adapter-for-uwebsockets',
      severity: 'error',
      from: { pathNot: '^platform/http/' },
      to: { path: '^node_modules/uWebSockets.js/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
