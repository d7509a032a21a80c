/**
 * Runs once before and once after the whole suite, in the main process of the test runner: the
 * place for what all specs share, such as the real servers.
 */

export async function setup(): Promise<void> {}

export async function teardown(): Promise<void> {}
