import assert from 'node:assert/strict';
import test from 'node:test';
import { planColor } from '../../agent/render/color.ts';
import { pictureFilters } from '../../agent/render/filters.ts';
import type { ColorPlan, PicturePlan } from '../../agent/render/render-plan.ts';
import { videoFacts } from '../agent/render/facts-of.ts';
import { decode } from '../helpers/media-measure.ts';

const size = { width: 32, height: 18 };
const transfers = ['smpte2084', 'arib-std-b67'] as const;
/** ffprobe's words for what files say, and nothing where they say nothing. */
const primaries = [undefined, 'bt2020', 'bt709', 'smpte431', 'smpte432', 'bt470bg', 'film', 'reserved'];
const matrices = [
  undefined,
  'bt2020nc',
  'bt2020c',
  'bt709',
  'smpte170m',
  'ictcp',
  'gbr',
  'ycgco',
  'reserved',
];

/** A patch of a colour as this transfer writes it, without a tag; then what our filters make of it, in RGB. */
function patch(color: string, plan: Extract<ColorPlan, { kind: 'hdr' }>, tags: string): string {
  const { transfer, primaries: colors, matrix, range } = plan;
  const picture: PicturePlan = {
    ...{
      kind: 'video',
      streamIndex: 0,
      interlacing: 'none',
      alpha: 'none',
      chroma: 'left',
      isAnamorphic: false,
    },
    ...{ fitted: size, color: plan },
  };
  return [
    `color=c=${color}:s=32x18:r=30:d=0.1`,
    'format=gbrp,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr,zscale=t=linear:npl=100,format=gbrpf32le',
    `zscale=p=${colors}:t=${transfer}:m=${matrix}:r=${range === 'pc' ? 'full' : 'limited'}:npl=100,format=yuv420p10le`,
    tags,
    ...pictureFilters(picture, size, 1),
    'scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=rgb24,crop=1:1:16:9',
  ].join(',');
}

/** One FFmpeg for all patches: their pixels side by side. */
async function colorsOf(patches: readonly string[]): Promise<readonly (readonly number[])[]> {
  const graph = patches.map((chain, index) => `${chain}[p${index}]`).join(';');
  const all = patches.map((_, index) => `[p${index}]`).join('');
  const bytes = await decode([
    ...['-filter_complex', `${graph};${all}hstack=inputs=${patches.length}[all]`],
    ...['-map', '[all]', '-frames:v', '1', '-f', 'rawvideo'],
  ]);
  return patches.map((_, index) => [...bytes.subarray(index * 3, index * 3 + 3)]);
}

const untagged = 'setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown:range=unknown';

test('Whatever an HDR file says or leaves out of its colours, its plan is one that the filters can render', async () => {
  const plans = new Map<string, Extract<ColorPlan, { kind: 'hdr' }>>();
  for (const colorTransfer of transfers)
    for (const colorPrimaries of primaries)
      for (const colorMatrix of matrices)
        for (const colorRange of [undefined, 'tv', 'pc']) {
          const tags = { colorTransfer, colorPrimaries, colorMatrix, colorRange };
          const said = Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== undefined));
          const plan = planColor(videoFacts({ pixelFormat: 'yuv420p10le', ...said }));
          assert.ok(plan.kind === 'hdr', JSON.stringify(said));
          plans.set(JSON.stringify(plan), plan);
        }
  // Every graph that can come of 432 combinations, each with a patch of grey and one of a colour.
  const all = [...plans.values()];
  assert.equal(all.length, 2 * 4 * 2 * 2);
  const colors = await colorsOf(
    all.flatMap((plan) => [patch('0x808080', plan, untagged), patch('0x20C040', plan, untagged)]),
  );
  const wrong: string[] = [];
  for (const [index, plan] of all.entries()) {
    const [grey = [], green = []] = colors.slice(index * 2, index * 2 + 2);
    const name = `${JSON.stringify(plan)}: grey ${grey.join()}, green ${green.join()}`;
    const [r = 0, g = 0, b = 0] = green;
    if (Math.max(...grey) - Math.min(...grey) > 4 || (grey[1] ?? 0) < 60 || (grey[1] ?? 0) > 200)
      wrong.push(name);
    // The hue stays, if not how bright it is: green most, then blue, then red.
    if (!(g > b + 40 && b > r && r < g / 2)) wrong.push(name);
  }
  assert.deepEqual(wrong, []);
});

test('What a file says of itself beside what it leaves out changes no colour', async () => {
  const plan = {
    kind: 'hdr',
    transfer: 'smpte2084',
    primaries: 'bt2020',
    matrix: 'bt2020nc',
    range: 'tv',
  } as const;
  const half = [
    untagged,
    'setparams=color_trc=smpte2084:color_primaries=unknown:colorspace=unknown',
    'setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=unknown',
    'setparams=color_trc=smpte2084:color_primaries=unknown:colorspace=bt2020nc:range=tv',
    'setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv',
  ];
  const patches = half.map((tags) => patch('0x20C040', plan, tags));
  // Read as what it is not, it is another colour: the patch tells.
  const misread = patch('0x20C040', plan, untagged).replace(
    'range=tv:color_primaries=bt2020',
    'range=tv:color_primaries=bt709',
  );
  const [other, ...colors] = await colorsOf([misread, ...patches]);
  for (const color of colors) assert.deepEqual(color, colors.at(-1));
  assert.notDeepEqual(other, colors.at(-1));
});
