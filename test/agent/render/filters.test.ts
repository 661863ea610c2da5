import assert from 'node:assert/strict';
import test from 'node:test';
import { planAlpha, planColor } from '../../../agent/render/color.ts';
import { encoderRung } from '../../../agent/render/encoder.ts';
import { displaySize, fitInto, reducedLogoSize } from '../../../agent/render/geometry.ts';
import { segmentGraph } from '../../../agent/render/graph.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { RenderItem } from '../../../agent/render/render-request.ts';
import { clipFacts, clipItem, imageFacts, videoFacts } from './facts-of.ts';

const fullHd = { width: 1920, height: 1080 };

function graph(item: RenderItem, rungName: 'libx264' | 'h264_vaapi' = 'libx264'): string {
  const result = planRender({ enable4k: false, items: [item] });
  assert.ok(result.ok, JSON.stringify(result));
  const [segment] = result.plan.segments;
  assert.ok(segment !== undefined);
  const ports = { input: 0, scriptName: 'text_0.ass', suffix: '' };
  return segmentGraph(segment, result.plan.frameSize, encoderRung(rungName), ports);
}

const inOrder = (text: string, ...parts: string[]): void => {
  let at = -1;
  for (const part of parts) {
    const found = text.indexOf(part, at + 1);
    assert.ok(found > at, `${part} is missing or too early in ${text}`);
    at = found;
  }
};

test('The rate comes first, then size and colour, padding, length, logo, text, pixels and tags', () => {
  const logo = {
    fileName: 'logo_0.png',
    sourcePath: 'L',
    sha256: 'b',
    facts: imageFacts({ width: 101, height: 51 }),
  };
  inOrder(
    graph(clipItem({ logo, text: 'Hi' })),
    '[1:v:0]format=rgba',
    'pad=ceil(iw/2)*2:ceil(ih/2)*2:ow-iw:0:color=black@0',
    '[0:0]fps=30:start_time=0',
    'scale=1920:1080:force_original_aspect_ratio=decrease:force_divisible_by=2:in_color_matrix=bt709:in_range=tv:out_color_matrix=bt709:out_range=tv',
    'pad=1920:1080',
    'setsar=1',
    'tpad=stop=-1:stop_mode=clone',
    'trim=end_frame=60',
    'overlay=x=main_w-overlay_w-10:y=10',
    'ass=text_0.ass:fontsdir=fonts',
    'format=yuv420p',
    'setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[v]',
    '[0:1]aresample=48000:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end_sample=96000[a]',
  );
});

test('Nothing of a request is in a graph', () => {
  const words = { sourcePath: 'EVIL;[0:v]', title: 'EVIL', text: 'EVIL', sha256: 'EVIL' };
  assert.doesNotMatch(graph(clipItem(words)), /EVIL/u);
});

test('An interlaced clip is made progressive before anything else', () => {
  const facts = clipFacts({ video: [videoFacts({ fieldOrder: 'tt' })] });
  inOrder(graph(clipItem({ facts })), '[0:0]bwdif=mode=send_frame:deint=interlaced', 'fps=30');
});

test('An HDR clip is resized inside the first zscale and read as bt2020 where it does not say', () => {
  const facts = clipFacts({ video: [videoFacts({ width: 3840, height: 2160, colorTransfer: 'smpte2084' })] });
  inOrder(
    graph(clipItem({ facts })),
    'fps=30',
    'setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc',
    'zscale=w=1920:h=1080:t=linear',
    'tonemap=tonemap=hable',
    'zscale=t=bt709:m=bt709:r=tv',
    'pad=1920:1080',
  );
});

test('Of what a file says about its colours only names that we know reach a filter', () => {
  const hostile = { colorPrimaries: 'x,movie=/etc/passwd', colorMatrix: 'reserved', colorRange: 'pc,null' };
  const hdr = clipFacts({ video: [videoFacts({ colorTransfer: 'smpte2084', ...hostile })] });
  const sdr = clipFacts({ video: [videoFacts(hostile)] });
  for (const facts of [hdr, sdr]) {
    const text = graph(clipItem({ facts }));
    for (const claim of Object.values(hostile)) assert.ok(!text.includes(claim), text);
  }
  inOrder(graph(clipItem({ facts: hdr })), 'color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc');
});

test('A still is finished before it is repeated, and black under its alpha', () => {
  const facts = imageFacts({ pixelFormat: 'rgba' });
  const text = graph(clipItem({ itemType: 'image', fileName: 'image_0.png', facts, durationMs: 1000 }));
  inOrder(
    text,
    'premultiply=inplace=1',
    'scale=1920:1080',
    'pad=1920:1080',
    'loop=loop=-1:size=1',
    'trim=end_frame=30',
  );
  assert.match(text, /anullsrc=r=48000:cl=stereo,atrim=end_sample=48000\[a\]$/u);
  assert.doesNotMatch(text, /tpad|fps=/u);
});

test('An encoder that reads the memory of the GPU gets its upload last', () => {
  assert.match(graph(clipItem(), 'h264_vaapi'), /colorspace=bt709,format=nv12,hwupload\[v\]/u);
});

test('An untagged picture is bt709 from 720 lines up, bt601 below, and a tag is believed', () => {
  const matrixOf = (changes: Parameters<typeof videoFacts>[0]) => {
    const color = planColor(videoFacts(changes));
    return `${color.matrix} ${color.range}`;
  };
  assert.equal(matrixOf({ height: 720 }), 'bt709 tv');
  assert.equal(matrixOf({ height: 719 }), 'smpte170m tv');
  assert.equal(matrixOf({ height: 1080, colorMatrix: 'bt470bg' }), 'bt470 tv');
  assert.equal(matrixOf({ height: 480, colorMatrix: 'bt709', colorRange: 'pc' }), 'bt709 pc');
  assert.equal(matrixOf({ pixelFormat: 'yuvj420p' }), 'bt709 pc');
});

test('Formats that can be transparent are known', () => {
  assert.deepEqual(['rgba', 'pal8', 'yuva420p', 'yuv420p', 'rgb24'].map(planAlpha), [
    'rgb',
    'rgb',
    'yuv',
    'none',
    'none',
  ]);
});

test('Every shape fits into the frame, keeping its aspect ratio, with even sides', () => {
  const shown = (changes: Parameters<typeof videoFacts>[0]) => {
    const { width, height } = fitInto(fullHd, displaySize(videoFacts(changes)));
    return `${width}x${height}`;
  };
  assert.equal(shown({ width: 640, height: 480 }), '1440x1080');
  assert.equal(shown({ width: 1080, height: 1920 }), '608x1080');
  assert.equal(shown({ width: 1920, height: 1080, rotation: 90 }), '608x1080');
  assert.equal(shown({ width: 720, height: 576, sampleAspectRatio: 64 / 45 }), '1920x1080');
  assert.equal(shown({ width: 2, height: 5000 }), '0x1080');
});

test('A logo is reduced only when it does not fit between its margins', () => {
  assert.equal(reducedLogoSize(fullHd, { width: 1900, height: 1060 }), undefined);
  assert.deepEqual(reducedLogoSize(fullHd, { width: 3800, height: 100 }), { width: 1900, height: 50 });
});
