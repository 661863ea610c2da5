import type { RateProfile, ResolvedItem } from './job-link.ts';

/** How a job is rendered, and what is made beside its result. Absent as a whole where all is off. */
export interface RenderOptions {
  /** The bit rates that the job asks for instead of its queue's. What holds is the job's `rateProfile`. */
  readonly rateProfile?: RateProfile;
  /** Every segment is rendered anew, and replaces what was kept of it. */
  readonly noCache: boolean;
  /** The work folder of a failed attempt stays for people to look at. */
  readonly keepFailed: boolean;
  /** Every frame and all sound of the result is decoded before it is published. */
  readonly fullDecode: boolean;
  /** The result's loudness is measured. */
  readonly loudnessReport: boolean;
  /** A JPEG of frames beside the result. */
  readonly contactSheet: boolean;
  /** A small MP4 beside the result. */
  readonly preview: boolean;
}

export const noOptions: RenderOptions = {
  noCache: false,
  keepFailed: false,
  fullDecode: false,
  loudnessReport: false,
  contactSheet: false,
  preview: false,
};

/** Loudness by EBU R128; every figure absent where there is silence, or too little sound to be measured. */
export interface Loudness {
  /** LUFS. */
  readonly integrated?: number;
  /** LU. */
  readonly range?: number;
  /** dBTP. */
  readonly truePeak?: number;
}

/** `-14.1 LUFS, range 5.2 LU, true peak -1.6 dBTP`, for people. */
export function loudnessText({ integrated, range, truePeak }: Loudness): string {
  if (integrated === undefined) return 'nothing to measure: silent, or too short';
  const parts = [
    `${integrated.toFixed(1)} LUFS`,
    ...(range === undefined ? [] : [`range ${range.toFixed(1)} LU`]),
    ...(truePeak === undefined ? [] : [`true peak ${truePeak.toFixed(1)} dBTP`]),
  ];
  return parts.join(', ');
}

/** How what is made beside a result is called, by the result's name: `x.mp4` has `x_sheet.jpg` and `x_preview.mp4`. */
export function extraNames(resultName: string): { readonly contactSheet: string; readonly preview: string } {
  const stem = resultName.replace(/\.mp4$/u, '');
  return { contactSheet: `${stem}_sheet.jpg`, preview: `${stem}_preview.mp4` };
}

/** What of a job an agent must know of: `requiredFeatures` and `extraFeatures` read it. */
interface Asked {
  readonly options?: RenderOptions | undefined;
  readonly items: readonly Pick<ResolvedItem, 'normalizeLoudness'>[];
}

/**
 * Features that an agent must name in its Hello to be given the job: what decides how the result is, or whether it may
 * be published. Rendered without them, it would be another result than the one that was asked for, and nobody would know.
 */
export function requiredFeatures({ options, items }: Asked): readonly string[] {
  const asked = {
    no_cache: options?.noCache,
    full_decode: options?.fullDecode,
    normalize_loudness: items.some(({ normalizeLoudness }) => normalizeLoudness === true),
  };
  return namesOf(asked);
}

/** Features that only add something beside the result: without them the job is rendered, and its timeline says what lacks. */
export function extraFeatures(options: RenderOptions | undefined): readonly string[] {
  return namesOf({
    keep_failed: options?.keepFailed,
    loudness_report: options?.loudnessReport,
    contact_sheet: options?.contactSheet,
    preview: options?.preview,
  });
}

function namesOf(asked: Readonly<Record<string, boolean | undefined>>): readonly string[] {
  return Object.entries(asked).flatMap(([name, isAsked]) => (isAsked === true ? [name] : []));
}
