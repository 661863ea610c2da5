import type { KnipConfig } from 'knip';

/** What is started by hand or by name; everything else must be reached from here. */
const config = {
  entry: [
    'proto/index.ts',
    'controller/main.ts',
    'agent/main.ts',
    'client/index.ts',
    'client/cli/main.ts',
    'demo/main.ts',
    'bench/main.ts',
    'tools/*.ts',
    'test/simulation/main.ts',
    'test/**/*.test.ts',
    // Started as processes or threads of their own.
    '{controller,agent,test}/**/*-main.ts',
    '{controller,agent}/**/*-thread.ts',
  ],
  project: ['{proto,controller,agent,client,demo,bench,test,tools}/**/*.ts', '!proto/gen/**'],
  // Types that are the documented shape of something exported are exported with it.
  ignoreExportsUsedInFile: true,
  // Programs that system packages bring.
  ignoreBinaries: ['apt-get', 'dpkg-query', 'fc-list'],
} satisfies KnipConfig;

export default config;
