import { Argument, type Command } from 'commander';
import type { Priority } from '../job-input.ts';
import { agents, queues } from './commands/farm.ts';
import {
  annul,
  type EvictCommandOptions,
  forgetAgents,
  type OrderCommandOptions,
  orderAgents,
  orderJobs,
  orderQueues,
  type QueueVerb,
  setPriority,
  shareReplaced,
} from './commands/orders.ts';
import { shadow } from './commands/shadow.ts';
import { status } from './commands/status.ts';
import type { Run } from './run.ts';
import { positiveNumber, priorities } from './values.ts';

const jobVerbs = {
  cancel: 'cancel jobs',
  retry: 'start jobs afresh that failed, were quarantined or cancelled',
  hold: 'keep waiting jobs from every agent until they are released',
  release: 'let held jobs wait for an agent again, delayed ones start at once, and quarantined ones go on',
} as const;

const agentVerbs = {
  cordon: 'start nothing new there',
  uncordon: 'end every order, and take a sick PC for well',
  drain: 'start nothing new there; drained when nothing runs any more',
} as const;

const reason = ['--reason <text>', 'for the history'] as const;

/** What persons order of jobs. */
export function jobOrderCommands(root: Command, run: Run): void {
  for (const [verb, description] of Object.entries(jobVerbs) as [keyof typeof jobVerbs, string][]) {
    root
      .command(verb)
      .description(description)
      .argument('<job...>')
      .option(...reason)
      .action((jobIds: string[], options: OrderCommandOptions) =>
        run((client, terminal) => orderJobs(client, terminal, verb, jobIds, options)),
      );
  }
  root
    .command('priority')
    .description('change the priority of jobs that have not ended')
    .addArgument(new Argument('<class>').choices(priorities))
    .argument('<job...>')
    .option(...reason)
    .action((priority: Priority, jobIds: string[], options: OrderCommandOptions) =>
      run((client, terminal) => setPriority(client, terminal, [priority, ...jobIds], options)),
    );
  root
    .command('annul')
    .description('take a publication back that cannot be finished')
    .argument('<job>')
    .option(...reason)
    .action((jobId: string, options: OrderCommandOptions) =>
      run((client, terminal) => annul(client, terminal, jobId, options)),
    );
}

const queueVerbs = {
  pause: 'start none of their jobs until they are resumed; what runs goes on',
  resume: 'let their jobs start again',
} as const;

/** The queues, and what operators order of them. */
export function queueCommands(root: Command, run: Run): void {
  const list = root
    .command('queues')
    .alias('queue')
    .description('list the queues, or give them orders')
    .action(() => run(queues));
  for (const [verb, description] of Object.entries(queueVerbs) as [QueueVerb, string][]) {
    list
      .command(verb)
      .description(description)
      .argument('<queue...>')
      .option(...reason)
      .action((names: string[], options: OrderCommandOptions) =>
        run((client, terminal) => orderQueues(client, terminal, verb, names, options)),
      );
  }
}

/** What operators order of agents and shares, and how the farm stands. */
export function operatorCommands(root: Command, run: Run): void {
  root
    .command('status')
    .description('how the controller and the farm stand')
    .action(() => run(status));
  root
    .command('shadow')
    .description('compare what the farm rendered in shadow mode with what the old one made of it')
    .action(() => run(shadow));
  const list = root
    .command('agents')
    .description('list the render PCs, or give them orders')
    .action(() => run(agents));
  for (const [verb, description] of Object.entries(agentVerbs) as [keyof typeof agentVerbs, string][]) {
    list
      .command(verb)
      .description(description)
      .argument('<agent...>')
      .option(...reason)
      .action((agentIds: string[], options: OrderCommandOptions) =>
        run((client, terminal) => orderAgents(client, terminal, verb, agentIds, options)),
      );
  }
  list
    .command('evict')
    .description('start nothing new there, and requeue what still runs at the deadline')
    .argument('<agent...>')
    .option('--deadline <seconds>', 'from now (default: at once)', positiveNumber)
    .option(...reason)
    .action((agentIds: string[], options: EvictCommandOptions) =>
      run((client, terminal) => orderAgents(client, terminal, 'evict', agentIds, options)),
    );
  list
    .command('forget')
    .description('forget render PCs that are gone and hold nothing')
    .argument('<agent...>')
    .action((agentIds: string[]) => run((client, terminal) => forgetAgents(client, terminal, agentIds)));
  root
    .command('share-replaced')
    .description('say that a share is another one for good')
    .argument('<share>')
    .option(...reason)
    .action((share: string, options: OrderCommandOptions) =>
      run((client, terminal) => shareReplaced(client, terminal, share, options)),
    );
}
