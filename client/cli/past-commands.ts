import { Argument, type Command, Option } from 'commander';
import {
  type ExportCommandOptions,
  exportPast,
  type HistoryCommandOptions,
  history,
} from './commands/past.ts';
import type { Run } from './run.ts';
import { countValue, pastTime } from './values.ts';

/** Commands about what has ended. */
export function pastCommands(root: Command, run: Run): void {
  root
    .command('history')
    .description('list jobs that have ended, newest end first, however long ago')
    .option('--user <id>', 'only jobs of this user')
    .option('--queue <name>', 'only jobs of this queue')
    .addOption(
      new Option('--state <state...>', 'only jobs that ended so').choices([
        'published',
        'failed',
        'quarantined',
        'cancelled',
      ]),
    )
    .option('--agent <id>', 'only jobs that this agent had last')
    .option('--channel <text>', 'only channels with this in their name')
    .addOption(since())
    .addOption(until())
    .option('--limit <count>', 'at most this many (default: 50)', countValue)
    .action((options: HistoryCommandOptions) =>
      run((client, terminal) => history(client, terminal, options)),
    );
  root
    .command('export')
    .description('write all jobs that have ended, or all rows of results, a line each')
    .addArgument(new Argument('<what>').choices(['history', 'results']))
    .addOption(new Option('--format <format>', 'how').choices(['csv', 'jsonl']).default('csv'))
    .option('--user <id>', 'only of this user')
    .addOption(since())
    .addOption(until())
    .action((what: 'history' | 'results', options: ExportCommandOptions) =>
      run((client, terminal) => exportPast(client, terminal, what, options)),
    );
}

function since(): Option {
  return new Option(
    '--since <time>',
    'ended then or later: 2026-03-01, a time, or a span ago (7d)',
  ).argParser(fromPast);
}

function until(): Option {
  return new Option('--until <time>', 'ended before then').argParser(fromPast);
}

/** Seen once, when the command line is parsed: all pages are of one list. */
function fromPast(text: string): Date {
  return pastTime(text, Date.now());
}
