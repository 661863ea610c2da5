import type { CommandLog } from '../render/command-log.ts';
import { commandText } from '../render/command-log.ts';
import type { LogFolder } from './log-folder.ts';
import { logFiles } from './log-folder.ts';

/** Every command, and all that it says, with the item named. */
export function fileCommandLog(folder: LogFolder): CommandLog {
  let speaker: string | undefined;
  return {
    command(entry) {
      folder.write(logFiles.command, `# ${entry.label}\ncd ${entry.cwd}\n${commandText(entry)}\n\n`);
    },
    stderr(label, line) {
      const head = label === speaker ? '' : `# ${label}\n`;
      speaker = label;
      folder.write(logFiles.stderr, `${head}${line}\n`);
    },
  };
}
