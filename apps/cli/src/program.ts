/**
 * The tree of commands: names, options and one line of help each. A command's code is loaded when it is called, so that
 * help and usage errors cost nothing. Usage errors are 2, everything else says its own exit code.
 */
import { CommanderError, Option, Command as Verb } from 'commander';
import { exits } from './cli-error.ts';
import type { Command } from './invocation.ts';
import type { Terminal } from './terminal.ts';

type Load = () => Promise<Command>;
type Setup = Readonly<{ program: Verb; on: (verb: Verb, load: Load) => void }>;

export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exits.ok;
  const program = new Verb('waybill')
    .description('Dispatches work to agents and keeps an immutable record of it.')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('(waybill --help shows the commands)')
    .exitOverride()
    .helpCommand('help [command]', 'show the help of a command');
  const on = (verb: Verb, load: Load): void => {
    verb.action(async (...given: unknown[]) => {
      const called = given.at(-1);
      if (!(called instanceof Verb)) throw new TypeError('a command was called without itself');
      const command = await load();
      exitCode = await command({ terminal, args: called.args, options: called.optsWithGlobals() });
    });
  };
  const setup = { program, on };
  for (const add of [
    addServer,
    addRuns,
    addArtifacts,
    addApprovals,
    addEvents,
    addRules,
    addOrgs,
    addProjections,
    addConformance,
    addServices,
  ])
    add(setup);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      const { explain } = await import('./explanation.ts');
      return explain(error, terminal);
    }
    // Commander has said it already. Help that was asked for is no mistake; help for want of a command is one.
    return error.exitCode === 0 ? exits.ok : exits.usage;
  }
}

/** What every command that talks to a running Waybill takes. */
function reaching(verb: Verb): Verb {
  return verb
    .option('--url <url>', 'where Waybill is (WAYBILL_URL, else credentials.json)')
    .option('--api-key <key>', 'API key (WAYBILL_API_KEY, else credentials.json)')
    .option('--org <org>', 'organisation (WAYBILL_ORG, else credentials.json)')
    .option('--home <folder>', 'folder with credentials.json (WAYBILL_HOME, else .waybill)');
}

const reading = (verb: Verb): Verb =>
  reaching(verb).option('--json', 'one JSON document, or a line each when streaming');

function addServer({ program, on }: Setup): void {
  const starting = (verb: Verb): Verb =>
    verb
      .option('--home <folder>', 'folder that holds the state (WAYBILL_HOME, else .waybill)')
      .option('--port <port>', 'port of everything (WAYBILL_PORT, else 7070 or the next free one)')
      .addOption(
        new Option('--durability <profile>', 'WAYBILL_DURABILITY').choices(['strict', 'fast']),
      );
  const up = starting(program.command('up'))
    .description('start everything in one process: servers (unless given), services')
    .option('--runner', 'and a runner beside it')
    .option('--scaler', 'and a scaler, which starts runners when jobs wait (WAYBILL_SCALER_POOLS)');
  on(up, async () => (await import('./commands/up.ts')).up);
  const start = starting(program.command('start'))
    .description(
      '`up` with a runner, and a demonstration: a push becomes a recorded run (npm start)',
    )
    .option('--once', 'end when the record of the run is sealed');
  on(start, async () => (await import('./commands/start.ts')).start);
  const runner = reaching(program.command('runner'))
    .description('start a runner: an agent that runs steps on this machine')
    .option('--id <id>', 'name of this agent')
    .option('--label <label...>', 'labels that jobs may ask for')
    .option('--concurrency <n>', 'jobs at once')
    .option('--work-dir <folder>', 'where jobs get their workspaces');
  on(runner, async () => (await import('./commands/runner.ts')).runner);
  const doctor = reading(program.command('doctor')).description(
    'check configuration, servers, streams, tables and services',
  );
  on(doctor, async () => (await import('./commands/doctor.ts')).doctor);
}

function addRuns({ program, on }: Setup): void {
  const runs = program.command('runs').description('runs and their records');
  const ls = reading(runs.command('ls'))
    .description('list runs, newest first')
    .option('--state <state>', 'only runs in this state')
    .option('--limit <n>', 'how many at most', '20')
    .option('--cursor <cursor>', 'the page after another');
  on(ls, async () => (await import('./commands/runs-ls.ts')).runsLs);
  const get = reading(runs.command('get').argument('<runId>'))
    .description('one run, now or as it stood')
    .option('--at-seq <n>', 'as it stood at this sequence of WB_RUNS')
    .option('--at <time>', 'as it stood at this time (ISO 8601)');
  on(get, async () => (await import('./commands/runs-get.ts')).runsGet);
  const cancel = reading(runs.command('cancel').argument('[runId]'))
    .description('stop a run, or with conditions every open run that meets them')
    .option('--reason <text>', 'why, for those who read the record')
    .option('--force', 'at once, without the hooks of its jobs')
    .option('--job <jobId...>', 'only these jobs of the run, by name or id')
    .addOption(
      new Option('--state <state>', 'runs in this state').choices([
        'pending',
        'running',
        'cancelling',
      ]),
    )
    .option('--workflow <name>', 'runs of this workflow')
    .option('--rule <name>', 'runs that this rule made')
    .option('--source <source>', 'runs that this source triggered')
    .option('--ref <ref>', 'runs on this branch or tag')
    .option('--before <time>', 'runs created before this time (ISO 8601)')
    .option('--all', 'every open run')
    .option('--yes', 'do it; without it, the runs that are meant are only counted');
  on(cancel, async () => (await import('./commands/runs-cancel.ts')).runsCancel);
  const create = reading(runs.command('create'))
    .description('start a run directly, without a rule')
    .requiredOption('-f, --file <file>', 'the request as JSON, - for standard input');
  on(create, async () => (await import('./commands/runs-create.ts')).runsCreate);
  const logs = reading(program.command('logs').argument('<runId>'))
    .description('what the steps of a run printed')
    .option('-f, --follow', 'go on until the run has ended');
  on(logs, async () => (await import('./commands/logs.ts')).logs);
}

function addArtifacts({ program, on }: Setup): void {
  const artifacts = program.command('artifacts').description('what jobs have left behind');
  on(
    reading(artifacts.command('ls').argument('<runId>')).description('list those of a run'),
    async () => (await import('./commands/artifacts.ts')).artifactsLs,
  );
  const get = reaching(artifacts.command('get').argument('<runId>').argument('<name>'))
    .description('one of them, as a file')
    .option('--out <file>', 'where to; its own name unless given');
  on(get, async () => (await import('./commands/artifacts.ts')).artifactsGet);
  const provenance = program.command('provenance').description('where artefacts are from');
  const attested = reading(provenance.command('get').argument('<digest>'))
    .description('who attests it, by the digest of the artefact')
    .option('--out <file>', 'the newest attestation, as a file');
  on(attested, async () => (await import('./commands/provenance.ts')).provenanceGet);
}

function addApprovals({ program, on }: Setup): void {
  const approvals = program.command('approvals').description('what people are asked');
  const ls = reading(approvals.command('ls'))
    .description('list approvals, newest first')
    .addOption(
      new Option('--state <state>', 'only those in this state')
        .choices(['open', 'approved', 'rejected', 'expired', 'withdrawn', 'all'])
        .default('open'),
    )
    .option('--run <runId>', 'only those of this run');
  on(ls, async () => (await import('./commands/approvals-ls.ts')).approvalsLs);
  const decide = reading(
    approvals
      .command('decide')
      .argument('<approvalId>')
      .argument('<decision>', 'approve or reject'),
  )
    .description('say yes or no; any reject wins')
    .option('--reason <text>', 'why, for whoever asked')
    .option('--user <name>', 'for whom you say it; the API key itself else');
  on(decide, async () => (await import('./commands/approvals-decide.ts')).approvalsDecide);
}

function addEvents({ program, on }: Setup): void {
  const events = program.command('events').description('the log, event by event');
  const ls = reading(events.command('ls').argument('<runId>')).description(
    'every event of a run, in order',
  );
  on(ls, async () => (await import('./commands/events-ls.ts')).eventsLs);
  const tail = reading(events.command('tail'))
    .description('events as they happen; goes on after an interruption without a gap')
    .option('--run <runId>', 'only this run');
  on(tail, async () => (await import('./commands/events-tail.ts')).eventsTail);
  const trigger = reading(program.command('trigger'))
    .description('send a trigger')
    .requiredOption('--source <source>', 'who says it')
    .requiredOption('--type <type>', 'what happened, as rules name it')
    .option('--id <id>', 'delivery id: the same one again is the same trigger')
    .option('--data <json>', 'payload: JSON, @file, or @- for standard input', '{}');
  on(trigger, async () => (await import('./commands/trigger.ts')).trigger);
}

function addRules({ program, on }: Setup): void {
  const rules = program.command('rules').description('which triggers start which jobs');
  const apply = reading(
    rules.command('apply').argument('<file...>', 'YAML files, or folders of them'),
  ).description('create or change rules; every mistake is shown with its line');
  on(apply, async () => (await import('./commands/rules-apply.ts')).rulesApply);
  on(
    reading(rules.command('ls')).description('list rules'),
    async () => (await import('./commands/rules-ls.ts')).rulesLs,
  );
  const agents = program.command('agents').description('agents that are or were connected');
  on(
    reading(agents.command('ls')).description('list agents'),
    async () => (await import('./commands/agents-ls.ts')).agentsLs,
  );
  on(
    reading(agents.command('get').argument('<agentId>')).description(
      'one agent, its host and what it last said of itself',
    ),
    async () => (await import('./commands/agents-get.ts')).agentsGet,
  );
  const logs = reaching(agents.command('logs').argument('<agentId>'))
    .description('the own logs of an agent, as a ZIP')
    .option('--hours <n>', 'how far back', '24')
    .option('--max-bytes <n>', 'raw bytes of them, at most')
    .option('--out <file>', 'where to; <agentId>-logs.zip unless given');
  on(logs, async () => (await import('./commands/agents-logs.ts')).agentsLogs);
  const drain = reading(agents.command('drain').argument('<agentId>'))
    .description('offer an agent no more work; what it has goes on')
    .option('--off', 'offer it work again')
    .option('--wait', 'wait until it has nothing left');
  on(drain, async () => (await import('./commands/agents-drain.ts')).agentsDrain);
}

function addOrgs({ program, on }: Setup): void {
  const orgs = program.command('orgs').description('what an organisation has set for itself');
  on(
    reading(orgs.command('get')).description('its settings'),
    async () => (await import('./commands/orgs.ts')).orgsGet,
  );
  const set = reading(orgs.command('set'))
    .description('change its settings')
    .option(
      '--dispatch-ack-timeout <duration>',
      'how long an agent has to answer an offer, 1s at least; `default` takes it back',
    )
    .option(
      '--approval-timeout <duration>',
      'how long people have to approve, where a request does not say; `default` takes it back',
    )
    .option(
      '--team <name=members...>',
      'who is of a team, as ops=ada,bob; `ops=` takes the team away',
    );
  on(set, async () => (await import('./commands/orgs.ts')).orgsSet);
}

function addProjections({ program, on }: Setup): void {
  const projections = program
    .command('projections')
    .description('the tables that are folded from the log');
  const local = (name: string, text: string): Verb =>
    projections
      .command(name)
      .description(text)
      .option(
        '--home <folder>',
        'folder of the `waybill up` whose servers are meant (WAYBILL_HOME, else .waybill)',
      )
      .option('--json', 'one JSON document');
  on(
    local('status', 'how far each stream is folded'),
    async () => (await import('./commands/projections.ts')).status,
  );
  on(
    local('rebuild', 'empty the tables and fold them again; records stay'),
    async () => (await import('./commands/projections.ts')).rebuild,
  );
  on(
    local('verify', 'fold the log again beside the tables and compare'),
    async () => (await import('./commands/projections.ts')).verify,
  );
}

function addConformance({ program, on }: Setup): void {
  const conformance = program
    .command('conformance')
    .description('try an agent or a server of the agent protocol against named checks');
  const trying = (verb: Verb): Verb =>
    verb
      .addOption(
        new Option('--profile <profile>', 'the published protocol, or Waybill’s extensions too')
          .choices(['seed', 'waybill'])
          .default('seed'),
      )
      .option('--only <name...>', 'only these checks')
      .option('--slow', 'those too that take a minute')
      .option('--timeout <seconds>', 'how long a single thing is waited for, 15 unless given')
      .option('--json', 'one JSON document');
  const agent = trying(conformance.command('agent'))
    .description('listen as a server; the agent that dials is tried')
    .option('--url <url>', 'where to listen', 'ws://127.0.0.1:9500/ws')
    .option('--token <token>', 'what the agent authenticates with')
    .option('--exec <command>', 'starts the agent, again where a check needs a fresh one')
    .option('--job-config <file>', 'work that the agent understands, if it runs no shell steps');
  on(agent, async () => (await import('./commands/conformance.ts')).conformanceAgent);
  const server = trying(conformance.command('server'))
    .description('dial as agents do; the server that answers is tried')
    .requiredOption('--url <url>', 'where agents dial')
    .option('--token <token>', 'token of its agents (WAYBILL_AGENT_TOKEN)')
    .option('--api-url <url>', 'its api, to make work; without it no job is tried')
    .option('--api-key <key>', 'API key (WAYBILL_API_KEY)')
    .option('--org <org>', 'organisation', 'main');
  on(server, async () => (await import('./commands/conformance.ts')).conformanceServer);
}

function addServices({ program, on }: Setup): void {
  const services = [
    'api',
    'dispatcher',
    'scheduler',
    'agent-gateway',
    'projector',
    'scaler',
  ] as const;
  for (const name of services) {
    const verb = program
      .command(name)
      .description(`start the service ${name} alone`)
      .option(
        '--home <folder>',
        'folder of the `waybill up` whose servers are meant, where NATS_URL is not set',
      );
    on(verb, async () => (await import('./commands/service.ts')).service(name));
  }
}
