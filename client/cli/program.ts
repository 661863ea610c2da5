import { Command, Option } from 'commander';
import { jobFileJsonSchema } from '../job-file-json-schema.ts';
import { connect } from '../renderfarm-client.ts';
import { clientVersion } from '../version.ts';
import { attempts } from './commands/attempts.ts';
import { explain } from './commands/explain.ts';
import { get, type ListCommandOptions, list } from './commands/jobs.ts';
import { type LogsCommandOptions, logs } from './commands/logs.ts';
import { type PlanCommandOptions, plan } from './commands/plan.ts';
import { type SubmitCommandOptions, submit } from './commands/submit.ts';
import { verify } from './commands/verify.ts';
import { type ExitCode, exitCodeHelp, exitCodes } from './exit-codes.ts';
import { follow } from './follow.ts';
import { jobOrderCommands, operatorCommands, queueCommands } from './operator-commands.ts';
import { pastCommands } from './past-commands.ts';
import type { Run } from './run.ts';
import { connectOptions, type Environment, type GlobalOptions } from './settings.ts';
import { say, type Terminal } from './terminal.ts';
import { collect, countValue, positiveNumber, priorities, profiles, timeValue } from './values.ts';

/** What a command needs of the program around it. */
export interface Surroundings {
  readonly env: Environment;
  readonly terminal: (json: boolean) => Terminal;
  /** Told the exit code of the command that ran. */
  readonly ended: (code: ExitCode) => void;
}

const states =
  'held waiting delayed assigned preparing running finishing ready publishing published failed quarantined cancelled';

const logFiles = ['job.log', 'ffmpeg_cmd.txt', 'ffmpeg_stderr.txt'];

/** The command line. Nothing happens before it is parsed. */
export function program(surroundings: Surroundings): Command {
  const root = globalOptions(new Command('renderfarm'));
  const run: Run = async (act) => {
    const options = root.opts<GlobalOptions>();
    const terminal = surroundings.terminal(options.json ?? false);
    using client = connect(connectOptions(options, surroundings.env));
    surroundings.ended(await act(client, terminal));
  };
  submitCommands(root, run);
  jobCommands(root, run);
  pastCommands(root, run);
  jobOrderCommands(root, run);
  farmCommands(root, run);
  queueCommands(root, run);
  operatorCommands(root, run);
  root
    .command('schema')
    .description('print the JSON Schema of job files')
    .action(() => {
      say(surroundings.terminal(false), JSON.stringify(jobFileJsonSchema(), null, 2));
      surroundings.ended(exitCodes.ok);
    });
  return root;
}

function globalOptions(root: Command): Command {
  return root
    .description('Submits jobs to the render farm and follows them.')
    .version(clientVersion)
    .option('--address <host:port>', 'a controller; may be given several times', collect)
    .option('--token-file <file>', 'file with the farm token')
    .option('--tls', 'use TLS with the authorities of this system')
    .option('--tls-ca <file>', 'use TLS; PEM of the authority that signed the controller certificate')
    .option('--tls-cert <file>', 'PEM of our own certificate')
    .option('--tls-key <file>', 'PEM of its key')
    .option('--timeout <seconds>', 'time limit for an answer (default: 10)', positiveNumber)
    .option('--json', 'one line of JSON for each result or event')
    .option('--verbose', 'show where an error came from')
    .showHelpAfterError('(renderfarm --help says more)')
    .addHelpText(
      'after',
      `
Environment, where the option is not given:
  RENDERFARM_ADDRESS (comma-separated), RENDERFARM_TOKEN_FILE,
  RENDERFARM_TLS_CA, RENDERFARM_TLS_CERT, RENDERFARM_TLS_KEY
${exitCodeHelp}`,
    );
}

function submitCommands(root: Command, run: Run): void {
  root
    .command('submit')
    .description('submit jobs; all files are checked before the first is submitted')
    .argument('[job.json...]', 'job files; - is standard input')
    .option('--stored <id>', 'a job whose row is there already; may be given several times', collect)
    .option('--watch', 'follow the jobs to their end')
    .option('--dry-run', 'only check the jobs and show where they would go')
    .addOption(new Option('--priority <class>', 'instead of the one in the files').choices(priorities))
    .option('--queue <name>', 'instead of the one that the routing rules choose')
    .option('--only-on <agent>', 'only on this render PC; may be given several times', collect)
    .option('--not-on <agent>', 'not on this render PC; may be given several times', collect)
    .option('--label <label>', 'only where the PC has it; may be given several times', collect)
    .option('--not-before <time>', 'wait until then: 2026-03-01T18:00, or +2h from now', fromNow)
    .option('--deadline <time>', 'when it should have ended, likewise', fromNow)
    .addOption(new Option('--profile <name>', 'bit rates, instead of those of the queue').choices(profiles))
    .option('--no-cache', 'render every segment anew')
    .option('--keep-failed', 'keep the work folder of a failed attempt on its PC')
    .option('--full-decode', 'decode every frame and all sound before it is published')
    .option('--loudness', 'measure the loudness of the result')
    .option('--contact-sheet', 'publish a JPEG of frames beside the result')
    .option('--preview', 'publish a small MP4 beside the result')
    .action((files: string[], options: SubmitCommandOptions) =>
      run((client, terminal) => submit(client, terminal, files, options)),
    );
  root
    .command('verify')
    .description('look at a job and its files, and say what would become of it; nothing is submitted')
    .argument('<job.json>', 'a job file; - is standard input')
    .action((file: string) => run((client, terminal) => verify(client, terminal, file)));
  root
    .command('watch')
    .description('follow jobs to their end; without a job, everything until Ctrl-C')
    .argument('[job...]')
    .option('--user <id>', 'only jobs of this user')
    .action((jobIds: string[], { user }: { user?: string }) =>
      run((client, terminal) =>
        follow(client, terminal, { jobIds, ...(user !== undefined && { userId: user }) }),
      ),
    );
}

function jobCommands(root: Command, run: Run): void {
  root
    .command('list')
    .alias('jobs')
    .description('list jobs, newest first')
    .option('--user <id>', 'only jobs of this user')
    .option('--queue <name>', 'only jobs of this queue')
    .addOption(new Option('--state <state...>', 'only jobs in these states').choices(states.split(' ')))
    .option('--limit <count>', 'at most this many (default: 50)', countValue)
    .action((options: ListCommandOptions) => run((client, terminal) => list(client, terminal, options)));
  root
    .command('get')
    .description('show a job and what happened to it')
    .argument('<job>')
    .action((jobId: string) => run((client, terminal) => get(client, terminal, jobId)));
}

function farmCommands(root: Command, run: Run): void {
  root
    .command('explain')
    .description('say why a job is where it is, and when it is expected to start')
    .argument('<job>')
    .action((jobId: string) => run((client, terminal) => explain(client, terminal, jobId)));
  root
    .command('logs')
    .description('print the log of a job, or follow it')
    .argument('<job>')
    .option('-f, --follow', 'go on until the job has ended and its log is whole')
    .addOption(new Option('--file <name>', 'which file (default: job.log)').choices(logFiles))
    .option('--attempt <number>', 'only what this attempt wrote', countValue)
    .option('--tail <lines>', 'begin this many lines before the end', countValue)
    .action((jobId: string, options: LogsCommandOptions) =>
      run((client, terminal) => logs(client, terminal, jobId, options)),
    );
  root
    .command('attempts')
    .description('list the attempts of a job')
    .argument('<job>')
    .action((jobId: string) => run((client, terminal) => attempts(client, terminal, jobId)));
  root
    .command('plan')
    .description('show what each render PC does now, and will do next')
    .option('--watch', 'show it again every 2 s, until Ctrl-C')
    .action((options: PlanCommandOptions) => run((client, terminal) => plan(client, terminal, options)));
}

/** Seen once, when the command line is parsed: tries of one command are one request. */
function fromNow(text: string): Date {
  return timeValue(text, Date.now());
}
