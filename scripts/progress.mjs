/**
 * Shows that a long step is alive: one line that counts on a terminal, a new line now and then in a
 * log. Writes nothing for a step that ends within the first interval.
 */

const TERMINAL_EVERY_MS = 1000;
const LOG_EVERY_MS = 4000;

export function startProgress(label, { out, onTick = () => {} }) {
  const live = out.isTTY === true;
  const startedMs = performance.now();
  const timer = setInterval(
    () => {
      onTick();
      const line = `waybill: ${label} … ${Math.round((performance.now() - startedMs) / 1000)} s`;
      out.write(live ? `\r\u001B[K${line}` : `${line}\n`);
    },
    live ? TERMINAL_EVERY_MS : LOG_EVERY_MS,
  );
  return {
    stop: () => {
      clearInterval(timer);
      if (live) out.write('\r\u001B[K');
    },
  };
}
