import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../journal.ts';

/** The files below one folder, by paths relative to it. Each is there whole or not at all. */
export interface Files {
  /** On disk when it resolves, in place of what was there. */
  write(file: string, body: Uint8Array): Promise<void>;
  read(file: string): Promise<Buffer>;
  remove(file: string): Promise<void>;
  /** Removes a folder with all that is in it. */
  removeFolder(folder: string): Promise<void>;
}

/** Opens the files below `root`. */
export function openFiles(root: string): Files {
  const made = new Set<string>();
  // Files that a kill left half written; no bucket's name begins with a dot.
  for (const name of readdirSync(root)) if (name.startsWith('.')) rmSync(join(root, name));
  const haveFolder = async (path: string) => {
    if (made.has(path)) return;
    await mkdir(path, { recursive: true });
    for (let folder = path; folder.length >= root.length; folder = dirname(folder)) await syncFolder(folder);
    made.add(path);
  };
  return {
    write: async (file, body) => {
      const path = join(root, file);
      await haveFolder(dirname(path));
      const fresh = join(root, `.${randomUUID()}`);
      try {
        const handle = await open(fresh, 'w', 0o600);
        try {
          await handle.writeFile(body);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(fresh, path);
      } catch (error) {
        await rm(fresh, { force: true });
        throw error;
      }
      await syncFolder(dirname(path));
    },
    read: (file) => readFile(join(root, file)),
    remove: (file) => rm(join(root, file), { force: true }),
    removeFolder: async (folder) => {
      made.clear();
      await rm(join(root, folder), { recursive: true, force: true });
    },
  };
}
