/** Where bytes lie: what both kinds of storage do in the same way. Keys are ours; names and quotas are none of a store's business. */

export type Stat = Readonly<{
  sizeBytes: number;
  /** Known where the store itself has hashed what came. */
  sha256?: string;
  /** Tells this content from another one under the same key. */
  version?: string;
}>;
export type Written = Readonly<{ sizeBytes: number; sha256: string }>;

export type BytePlace = Readonly<{
  stat(key: string): Promise<Stat | undefined>;
  /** Reads all of it, where the stat does not know; undefined when it is another content by now, or gone. */
  sha256(key: string, stat: Stat): Promise<string | undefined>;
  /**
   * Makes exactly that content stay, under a key at which no URL can write: the key it then has, or undefined when it is
   * another content by now, or gone.
   */
  settle(key: string, finalKey: string, stat: Stat): Promise<string | undefined>;
  /** Rejects with what `body` throws, and then nothing of it is left. */
  write(key: string, body: AsyncIterable<Uint8Array>): Promise<Written>;
  read(key: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  delete(key: string): Promise<void>;
  /** Removes what broken writes have left behind. */
  tidy(): Promise<void>;
}>;

type UrlFor = Readonly<{ org: string; expiresAt: number }>;
export type UploadFor = UrlFor & Readonly<{ bytesMax: number }>;
export type DownloadFor = UrlFor &
  Readonly<{ filename?: string | undefined; mediaType?: string | undefined }>;

export type ByteUrls = Readonly<{
  uploadUrl(key: string, o: UploadFor): Promise<string>;
  downloadUrl(key: string, o: DownloadFor): Promise<string>;
}>;

export type ByteStore = BytePlace & ByteUrls;
