/** The hex view. */
export const hexTexts = {
  hex: {
    label: (name: string) => `Bytes of ${name.slice(0, 200)}`, of: (name: string) => `Bytes of ${name}`,
    offset: 'Offset', text: 'Text', inspector: 'Inspector', empty: 'There are no bytes here.', failed: 'These bytes can’t be read',
    goTo: 'Go to offset', goToHint: '0x…, sector, block', goToWrong: 'Type 0x8100, 33024, sector 5, block 7, +512 or -512, inside of these bytes.',
    places: 'Go to…', placesLabel: 'Places',
    find: 'Find', findHint: 'Text to find', findHexHint: 'Bytes, such as 53 ef', hexToggle: 'Hex', next: 'Find next', previous: 'Find previous', findWrong: 'Type bytes in hex, two digits each.',
    finding: (at: string) => `Looking at ${at} …`, found: (at: string) => `Found at ${at}`, notFound: 'Not found up to the end', notFoundBefore: 'Not found up to the beginning', stop: 'Stop',
    byte: (at: string, value: string, what: string | undefined) => `${at}: ${value}${what === undefined ? '' : `, ${what}`}`,
    selection: (from: string, to: string, count: string) => `${from} to ${to}, ${count} bytes`,
    at: 'At', structure: 'Structure', within: 'In', field: 'Field', type: 'Type', value: 'Value', meaning: 'Meaning', nothing: 'Nothing is known of this byte.',
    fileNote: 'Of a file’s own bytes nothing is known here.',
    bits: (bits: number) => `${bits} bits`, signed: '32 bits, signed', little: 'Little-endian', big: 'Big-endian', time: 'As a time', asText: 'As text', none: '–',
    copied: (count: number) => (count === 1 ? '1 byte copied' : `${count} bytes copied`), tooMany: 'At most 64 KiB can be copied at once',
    copyHex: 'Copy as hex', copyText: 'Copy as text',
    showPlace: (where: string) => `Show the bytes: ${where}`,
    sector: 'Sector', block: 'Block',
  },
  bytesCommands: { show: 'Show bytes', showLayer: 'Show bytes of the volume', goTo: 'Go to offset…', find: 'Find bytes…', findNext: 'Find next bytes' },
  bytesReasons: { notAFile: 'Only files have bytes to show', noBytes: 'Open the bytes of something first', alreadyShown: 'The bytes are shown', noSize: 'There are no bytes here' },
} as const;
