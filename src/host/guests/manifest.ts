/**
 * A guest as data: what `guests/<name>/guest.yml` says (its JSON schema is `guests/guest.schema.json`). Nothing about a guest is
 * anywhere else: the launcher, the builder, the openers and the support matrix read this.
 */
export interface GuestManifest {
  /** The folder's name, and the opener's: "guest:linux-6.12". */
  readonly name: string;
  /** For people: "Linux 6.12". */
  readonly title: string;
  /** What it is for, a sentence. */
  readonly summary: string;
  /** Among guests that serve a filesystem equally well, the greater one is taken. */
  readonly rank: number;
  readonly system: 'linux' | 'other';
  readonly architecture: 'x86_64' | 'aarch64' | 's390x' | 'i386' | 'm68k' | 'ppc' | 'arm';
  readonly machine: MachineShape;
  readonly boot: BootPlan;
  readonly transport: TransportPlan;
  /** Where its files come from; absent when the person brings them (`clutch guests add`). */
  readonly source?: GuestSource;
  readonly filesystems: readonly GuestFilesystem[];
  /** Layers below filesystems that it assembles: LVM, md. */
  readonly volumes: readonly GuestVolumes[];
  /** Partition tables that its kernel parses, by their usual names. */
  readonly tables: readonly string[];
  /** Its own trees that can be browsed. */
  readonly trees: readonly ('devfs' | 'procfs' | 'sysfs' | 'tmpfs' | 'overlay')[];
}

/** The virtual machine. */
export interface MachineShape {
  /** Of QEMU: "pc,hpet=off", "virt", "s390-ccw-virtio". */
  readonly type: string;
  readonly cpu: string;
  /** MiB. */
  readonly memory: number;
  /** Whether a saved state of it can be resumed (see warm start). */
  readonly warm: boolean;
  /** More of QEMU's arguments; files of the guest's folder are written `{files}/name`. Refused for options that reach the host (net, chardev, drive …). */
  readonly arguments: readonly string[];
}

/** How it comes up. */
export interface BootPlan {
  /** Of a built guest's files, or of the person's. Absent when it boots from a disk of its own. */
  readonly kernel?: string;
  readonly initrd?: string;
  /** A disk that the system lies on, read-only for all its runs (kept apart by snapshot=on). */
  readonly disk?: string;
  /** The kernel's command line. */
  readonly append: string;
  /** Seconds until it must answer, on an idle machine under TCG; the launcher allows a multiple. */
  readonly deadline: number;
  /** What the console says when the system is up, where the first answer over 9P does not tell. A plain text. */
  readonly ready?: string;
  readonly console: 'serial' | 'sclp';
}

/** How files reach us. */
export interface TransportPlan {
  readonly dialect: '9P2000.L' | '9P2000.u';
  /** 'virtio': a port "9p" (and "ctl" for the agent) of virtio-serial; 'serial': 9P alone over the second serial line. */
  readonly over: 'virtio' | 'serial';
  /** There is an agent on "ctl" that takes commands (guests/linux/agent). */
  readonly agent: boolean;
  /** Bytes. */
  readonly msize: number;
}

/** From which packages the builder makes it. */
export interface GuestSource {
  readonly kind: 'debian';
  /** "trixie", "trixie-security". The newest version of a package in any of them is taken. Suites of security updates may be missing on a mirror. */
  readonly suites: readonly string[];
  /** The one of them that the kernel is taken from, where it is not any. */
  readonly kernelSuite?: string;
  /** The suites are kept and signed no more: Valid-Until is not looked at. */
  readonly archived?: boolean;
  readonly components: readonly string[];
  /** Debian's name of the architecture: "amd64". */
  readonly architecture: string;
  /** The kernel's package, or a pattern whose newest match is taken ("*" is anything but "-"): "linux-image-6.12.*-amd64". More than one where it is split. */
  readonly kernel: readonly string[];
  /** Packages whose programs (and libraries, by DT_NEEDED) go into the initramfs: busybox, diod. */
  readonly base: readonly { readonly package: string; readonly files: readonly string[]; readonly suite?: string }[];
  /** Modules that every boot needs, without dependencies. One with a "?" behind its name is left out where the kernel has none of it. */
  readonly modules: readonly string[];
  /** Bytes that a build downloads, about. */
  readonly download: number;
  /** Modules that are compiled on the person's machine, for the kernel's headers. */
  readonly compile?: GuestCompile;
}

/** What is compiled, and what that takes. */
export interface GuestCompile {
  /** A -dkms package. */
  readonly package: string;
  /** A script in it to be run before. */
  readonly prepare?: string;
  /**
   * Arguments of its "configure", which makes its makefiles; absent where it has none, and kbuild makes the modules by itself. `{headers}` is the folder
   * of the headers of the kernel's flavour, `{common}` that of all flavours.
   */
  readonly configure?: readonly string[];
  /** Where the modules lie in it in the end, without ".ko": "apfs", "module/zfs". */
  readonly modules: readonly string[];
  /** Of all of it on two processors, about. */
  readonly seconds: number;
  /** Bytes of the temporary folder, at most. */
  readonly space: number;
  readonly licence: string;
}

/** One filesystem that the guest's kernel mounts. */
export interface GuestFilesystem {
  /** The id in `engines/core/signatures.ts`: "xfs". */
  readonly format: string;
  /** The row of the support matrix, where it tells more: "FAT12/16/32". */
  readonly title?: string;
  /** mount -t. */
  readonly type: string;
  readonly access: 'read-write' | 'read-only' | 'known-bad';
  /** Why not better, or what is peculiar. */
  readonly reason?: string;
  readonly modules: readonly string[];
  /** Mount options for reading: those that replay no journal first, then milder ones; each is tried in turn. */
  readonly readOptions: readonly string[];
  /** Mount options for writing. */
  readonly writeOptions?: string;
  /** What holds the bytes in the guest: a disk, or a flash device (block2mtd or mtdram, ubi). */
  readonly device: 'disk' | 'mtd' | 'ubi';
  /** Mounted by a program of the guest rather than by the kernel: ntfs-3g, zfs-fuse. */
  readonly helper?: GuestProgram;
  /** The filesystem's own checker. */
  readonly check?: GuestTool;
  /** Makes an empty one. */
  readonly make?: GuestProgram & { readonly arguments: readonly string[] };
}

/** A layer between disks and filesystems that the guest's kernel assembles. */
export interface GuestVolumes {
  /** "lvm", "md": the name that its modules are asked for by, as those of a filesystem. */
  readonly type: string;
  readonly modules: readonly string[];
  /** Finds and assembles them. */
  readonly tool: GuestProgram;
}

/** Where programs of ours lie in a guest: scripts of guests/linux. */
export const OWN = '/clutch/';

/** A program of a package. */
export interface GuestProgram {
  readonly package: string;
  readonly program: string;
  /** What else of the package it needs: other programs by name, files by path. */
  readonly files?: readonly string[];
}

/** A checker that runs in the guest. `{dev}` is the device. */
export interface GuestTool extends GuestProgram {
  /** Looks only. */
  readonly dry: readonly string[];
  /** Repairs without asking. Absent = it only looks. */
  readonly repair?: readonly string[];
  /** Exit statuses and what they mean, for each way of calling; anything else is 'failed'. */
  readonly clean: readonly number[];
  readonly errors: readonly number[];
  readonly repaired: readonly number[];
}

/** A guest on this machine. */
export interface Guest {
  readonly manifest: GuestManifest;
  /** Where its guest.yml lies. */
  readonly folder: string;
  readonly state: 'built' | 'missing' | 'outdated';
  /** What would make it usable: a command, a sentence. Empty when it is. */
  readonly missing: string;
  /** Where what was built lies, with `guest.json` (BuiltGuest) in it. */
  readonly files: string;
  readonly origin: 'shipped' | 'added';
}

/** What the builder leaves in `files/guest.json`. Names are of files in that folder. */
export interface BuiltGuest {
  readonly kernel: string;
  readonly kernelVersion: string;
  /** The base initramfs: uncompressed newc cpio whose length is a multiple of 4, so that others may follow it. */
  readonly initramfs: string;
  /** An initramfs each, to be appended: by filesystem type (its modules, in the order of insmod, with a list of them in /clutch/modules/TYPE), by tool package. */
  readonly filesystems: Readonly<Record<string, string>>;
  readonly tools: Readonly<Record<string, string>>;
  /** sha256 of all of it together: the key of saved states. */
  readonly digest: string;
  /** sha256 of what it was built from in this project: the manifest, the scripts, the builder's own version. Another one now: outdated. */
  readonly inputs: string;
  /** Package, version and sha256 of all that went in. */
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
  /** ISO 8601. */
  readonly built: string;
}

