import { describe, expect, it } from 'vitest';
import { imagesOf } from './arguments.ts';

describe('images on the command line', () => {
  it('are what is neither a switch nor the app', () => {
    expect(imagesOf(['/electron', '--no-sandbox', '.', 'a.img', '--inspect=0', '/b.img'], false, '/home/ada')).toEqual(['/home/ada/a.img', '/b.img']);
    expect(imagesOf(['/electron', '-r', 'loader.js', '--x', '/clutch', '../a.img'], false, '/home/ada')).toEqual(['/home/a.img']);
    expect(imagesOf(['/opt/Clutch/clutch', '--enable-features=x', 'a.img'], true, '/')).toEqual(['/a.img']);
    expect(imagesOf(['/electron', '.'], false, '/')).toEqual([]);
  });
});
