import { writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DoctorOptions } from './doctor.ts';
import { examine } from './doctor.ts';
import { judge, reportFile, reportText } from './doctor-report.ts';

export interface DoctorCommand
  extends Pick<DoctorOptions, 'config' | 'softwareVersion' | 'nvidiaSmi' | 'signal'> {
  /** One file for us. */
  readonly report?: string | undefined;
  readonly print: (line: string) => void;
}

/** Examines this PC, prints what it found and writes the report. Returns the exit code: 0 it can render, 1 it cannot. */
export async function runDoctor({ report, print, ...command }: DoctorCommand): Promise<number> {
  const { config, signal } = command;
  try {
    const diagnosis = await examine({
      ...command,
      dataDir: config?.dataDir ?? join(tmpdir(), 'renderfarm-local'),
      onStep: (what) => print(`trying ${what} ...`),
    });
    for (const line of ['', ...reportText(diagnosis)]) print(line);
    if (report !== undefined) {
      await writeFile(report, reportFile(diagnosis, homedir()));
      print(`The report is in ${report}: it holds no token, key or address of the farm.`);
    }
    return judge(diagnosis).canRender ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return 130;
    print(error instanceof Error ? error.message : String(error));
    return 1;
  }
}
