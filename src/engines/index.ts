import type { RegistryEntry } from './core/probe.ts';

/** Every format that Clutch has an engine for, one line each; the code behind a line is loaded when its magic is seen. */
export const registry: readonly RegistryEntry[] = [
  { id: 'gzip', kind: 'container', name: 'gzip', magics: [{ at: 0, bytes: [0x1f, 0x8b, 8] }], load: async () => (await import('./containers/gzip/index.ts')).gzip },
  { id: 'gpt', kind: 'table', name: 'GPT', magics: [510, 0x1000 - 2].map((at) => ({ at, bytes: [0x55, 0xaa] })).concat([512, 4096, -512, -4096].map((at) => ({ at, bytes: [...'EFI PART'].map((c) => c.charCodeAt(0)) }))), deep: true, load: async () => (await import('./volumes/gpt/index.ts')).gpt },
  { id: 'mbr', kind: 'table', name: 'MBR', magics: [{ at: 510, bytes: [0x55, 0xaa] }], load: async () => (await import('./volumes/mbr/index.ts')).mbr },
  { id: 'ext4', kind: 'filesystem', name: 'ext2/3/4', magics: [{ at: 0x438, bytes: [0x53, 0xef] }], deep: true, load: async () => (await import('./filesystems/ext4/index.ts')).ext4 },
];
