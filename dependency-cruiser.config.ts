import type { DependencyType, IConfiguration, IForbiddenRuleType } from 'dependency-cruiser';

// Who may import whom (ARCHITECTURE.md): a rule for every room, each with its reason. Nothing else decides it.

type Rule = IForbiddenRuleType & { name: string; comment: string };

const anyRoom = '^(proto|controller|agent|client|demo|bench|chaos|test|tools)/';
/** The one vocabulary of the agent protocol: types, a few names, and two pure functions over them. */
const agentLink = '^proto/(agent-link|assigned-job|file-link|item-link|job-link|render-options|shadow)\\.ts$';
const npm: DependencyType[] = [
  'npm',
  'npm-dev',
  'npm-optional',
  'npm-peer',
  'npm-no-pkg',
  'npm-unknown',
  'undetermined',
];
const foreign: DependencyType[] = [...npm, 'core'];

/** A room that touches nothing foreign: no Node, no npm package. */
function pure(name: string, from: string, allowed: string[], comment: string): Rule[] {
  return [
    room(`${name}-imports-only-its-own-words`, from, allowed, comment),
    {
      name: `${name}-is-pure`,
      comment: `${comment} What is pure can be simulated for years of virtual time.`,
      severity: 'error',
      from: { path: from },
      to: { dependencyTypes: foreign },
    },
  ];
}

/** A room may import the listed rooms of ours, and no other. */
function room(name: string, from: string, allowed: string[], comment: string): Rule {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: from },
    to: { path: anyRoom, pathNot: allowed },
  };
}

/** An npm package is imported in one place only, so that replacing it touches one room. */
function oneHome(packageName: string, homes: string[]): Rule {
  return {
    name: `one-home-of-${packageName.replace(/[@/]+/g, '-').replace(/^-/, '')}`,
    comment: `${packageName} has one home (${homes.join(', ')}): replacing it, or its bugs, touches one room.`,
    severity: 'error',
    from: { pathNot: homes },
    to: { path: `(^|/)(node_modules/)?${packageName}(/|$)`, dependencyTypes: npm },
  };
}

const controllerInterfaces = [
  '^controller/engine/(farm|orders|explanations|verification)\\.ts$',
  '^controller/(outbox/destination|history/port)\\.ts$',
  '^controller/domain/',
  '^proto/(?!gen/)',
];

/** A room of the controller that connects the engine to one part of the world. */
function adapter(name: string): Rule {
  return room(
    `${name}-imports-interfaces`,
    `^controller/${name}/`,
    [`^controller/${name}/`, ...controllerInterfaces],
    `controller/${name} sees the engine's interface and the domain, never the engine's inside or another adapter's.`,
  );
}

/** A store implementation knows the port and its own driver. */
function store(name: string): Rule {
  return room(
    `store-${name}-knows-the-port`,
    `^controller/store/${name}/`,
    [`^controller/store/${name}/`, '^controller/store/[^/]+\\.ts$', '^controller/domain/'],
    'Stores are exchangeable: each knows the port and its own driver, never another store.',
  );
}

const forbidden: Rule[] = [
  {
    name: 'no-cycles',
    comment: 'Files that need each other are one file, or hide a third that both need.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-unresolvable',
    comment: 'An import that leads nowhere fails at the worst time: when the file is first loaded.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'generated-code-through-proto',
    comment: 'proto/ is the only door to generated code: decoding and refusing happens there, at the border.',
    severity: 'error',
    from: { pathNot: ['^proto/', '^test/(proto|contract)/'] },
    to: { path: '^proto/gen/' },
  },
  room('proto-imports-no-room', '^proto/', ['^proto/'], 'Both ends share proto: it knows neither.'),
  {
    name: 'proto-imports-its-runtime-only',
    comment: 'What proto needs, every client needs.',
    severity: 'error',
    from: { path: '^proto/' },
    to: {
      dependencyTypes: npm,
      pathNot: '(^|/)node_modules/(@grpc/grpc-js|@bufbuild/protobuf)/',
    },
  },
  ...pure(
    'domain',
    '^controller/domain/',
    ['^controller/domain/', agentLink],
    'The domain is the meaning of the farm: it knows no other room.',
  ),
  ...pure(
    'scheduling',
    '^controller/scheduling/',
    ['^controller/(domain|scheduling)/', agentLink],
    'Scheduling is a function from a snapshot to a plan.',
  ),
  room(
    'engine-decides-alone',
    '^controller/engine/',
    [
      '^controller/(domain|scheduling|engine)/',
      '^controller/(store/port|history/port|outbox/destination)\\.ts$',
      agentLink,
    ],
    'The engine knows ports, never drivers or servers: it is what the simulation runs.',
  ),
  {
    name: 'engine-turn-is-pure',
    comment: 'turn(state, inputs, now) is simulated: no Node, no packages.',
    severity: 'error',
    from: { path: '^controller/engine/turn/' },
    to: { dependencyTypes: foreign },
  },
  room(
    'outbox-knows-ports',
    '^controller/outbox/',
    ['^controller/(outbox|domain)/', '^controller/engine/(ports|outbox-port|unless-aborted)\\.ts$'],
    'Deliverers carry committed jobs to destinations: they know neither what leads nor who is told.',
  ),
  ...['memory', 'sqlite', 'redis'].map(store),
  ...['rpc', 'web', 'directory', 'catalog', 'joblogs'].map(adapter),
  room(
    'history-joins-hot-and-past',
    '^controller/history/',
    [
      '^controller/(history|domain|engine)/',
      '^controller/store/(port|past-rows)\\.ts$',
      '^controller/outbox/destination\\.ts$',
      agentLink,
    ],
    'History puts what has left the hot store beside the engine: it knows tables by their port, no driver and no server.',
  ),
  {
    name: 'config-knows-the-domain',
    comment: 'The configuration is made of domain settings, and of where a store is; main.ts hands it out.',
    severity: 'error',
    from: { path: '^controller/config' },
    to: {
      path: anyRoom,
      pathNot: ['^controller/(domain|config)', '^controller/store/redis/redis-address\\.ts$', agentLink],
    },
  },
  room(
    'controller-is-a-house',
    '^controller/',
    ['^controller/', '^proto/'],
    'The controller shares the contract with agents and clients, and nothing else.',
  ),
  ...pure(
    'agent-core',
    '^agent/core/',
    ['^agent/core/', agentLink],
    'The core of the agent is step(state, input, now).',
  ),
  room(
    'agent-is-a-house',
    '^agent/',
    ['^agent/', '^proto/'],
    'An agent ships alone to a render PC: it carries no controller code and no cloud credentials.',
  ),
  room(
    'client-is-a-house',
    '^client/',
    ['^client/', '^proto/'],
    "The client is published separately, without the servers' dependencies.",
  ),
  {
    name: 'production-uses-production-packages',
    comment: 'devDependencies are not installed where the servers run.',
    severity: 'error',
    from: { path: '^(proto|controller|agent|client)/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
  },
  oneHome('execa', ['^agent/process/']),
  oneHome('fastify', ['^controller/web/']),
  oneHome('prom-client', ['^controller/web/']),
  oneHome('ioredis', ['^controller/store/redis/', '^test/', '^bench/']),
  oneHome('@supabase/supabase-js', ['^controller/directory/', '^test/']),
  oneHome('@google-cloud/bigquery', ['^controller/catalog/', '^test/']),
  oneHome('@grpc/proto-loader', ['^controller/rpc/', '^test/contract/']),
];

export default {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count: a room that needs another's type knows it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
} satisfies IConfiguration;
