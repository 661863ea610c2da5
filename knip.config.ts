import type { KnipConfig } from 'knip';

/** What is started by hand or by name; everything else must be reached from here. */
const config = {
  entry: [
    // What package.json starts is found by itself.
    'proto/index.ts',
    'client/renderfarm-client.ts',
    'tools/*.ts',
    'test/**/*.test.ts',
    // Started as processes or threads of their own.
    '{controller,agent,test,bench}/**/*-main.ts',
    '{controller,agent}/**/*-thread.ts',
    'test/fixtures/**/*.ts',
    // Loaded into an agent (--import), and what they put in the place of its own.
    'bench/{slow-reads,old-order-hook,old-order}.ts',
  ],
  project: ['{proto,controller,agent,client,demo,bench,chaos,test,tools}/**/*.ts', '!proto/gen/**'],
  // Types that are the documented shape of something exported are exported with it.
  ignoreExportsUsedInFile: true,
  // Programs that system packages bring.
  ignoreBinaries: [
    'apt-get',
    'dpkg-query',
    'fc-list',
    'ffmpeg',
    'ffprobe',
    'mount',
    'redis-server',
    'umount',
  ],
  // Started by its program's name (tools/checks.ts); what people pipe our logs through; a font that is read as a file.
  ignoreDependencies: ['@bufbuild/buf', 'pino-pretty', '@expo-google-fonts/anton'],
} satisfies KnipConfig;

export default config;
