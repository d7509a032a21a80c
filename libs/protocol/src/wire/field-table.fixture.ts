/**
 * The field tables of the protocol, written down a second time and independently of the schemas:
 * the published ones (Orchestrator ↔ Agent messages), then what is observed, then our extensions.
 *
 * `name:type` is required, `name?:type` optional, `name~:type` depends on a rule. A key with a
 * space is an object inside a message: the message's type, then the path to it.
 */
const published: Readonly<Record<string, string>> = {
  'job.dispatch':
    'messageId:text runId:text jobId:text repoUrl:text ref:text sha:text lockFileUrl:text jobConfig:record timestamp:number token?:text secrets?:record namespacedSecrets?:record maxLogSizeBytes?:number sourceTarUrl?:text sourceTarHash?:text depsUrl?:text depsHash?:text requestId?:text runPublicKey?:text upstreamJobOutputs?:record sourceAuth?:object workflowAuth?:object npmRegistries?:list installEnvSecrets?:record',
  'job.dispatch npmRegistries.0': 'url:text scope?:text alwaysAuth:boolean token:text',
  'job.dispatch sourceAuth': 'kind:enum(basic|ssh) user?:text secret:text',
  'job.dispatch workflowAuth':
    'kind:enum(basic|ssh) secret:text sshHostKeyPolicy?:enum(accept-new|pinned) sshKnownHostsPem~:text',
  'job.cancel': 'messageId:text runId:text jobId:text reason:text force?:boolean',
  'register.ack': 'agentId:text labels:texts scalerManaged?:boolean pendingDispatch?:boolean',
  'agent.register':
    'messageId:text agentId:text labels:texts maxConcurrency?:number platform?:text arch?:text version?:text inFlightJobs?:list hostname?:text osRelease?:text osVersion?:text totalMemoryMb?:number cpuCount?:number nodeVersion?:text runningAsUser?:text runningAsUid?:number',
  'agent.register inFlightJobs.0': 'jobId:text runId:text',
  'agent.status':
    'messageId:text agentId:text activeJobs:number memoryUsedMb?:number memoryAvailableMb?:number uptimeSeconds?:number',
  'job.status':
    'messageId:text runId:text jobId:text state:enum(pending|queued|running|recovering|cancelling|success|failed|cancelled|skipped|timed_out_stale|drift_dropped) timestamp:number data?:record droppedJobs?:texts secretOutputs?:record',
  'job.status secretOutputs.url': 'agentPublicKey:text encrypted:text',
  'job.ack': 'messageId:text runId:text jobId:text timestamp:number',
  'job.reject': 'messageId:text runId:text jobId:text reason:enum(busy|draining) timestamp:number',
  'step.status':
    'messageId:text runId:text jobId:text stepIndex:count stepName:text state:enum(running|success|failed|skipped|pending|cancelled) timestamp:number data?:record step_type?:enum(step|hook:onCancel|hook:cleanup|hook:onSuccess|hook:onFailure|hook:beforeStep|hook:afterStep) secretsAccessed?:texts logBytesStreamed?:count',
  'log.chunk': 'messageId:text runId:text jobId:text stepIndex:number lines:texts timestamp:number',
  'job.heartbeat': 'runId:text jobId:text timestamp:number',
  'agent.log': 'messageId:text agentId:text lines:texts timestamp:number',
  'config.ack': 'messageId:text agentId:text',
  'event.emit': 'jobId:text requestId:text eventName:text payload:record target?:object',
  'event.emit target': 'repos?:texts',
  'event.emit.response': 'requestId:text deliveryId~:text error~:text',
  'cache.upload.request':
    'messageId:text jobId:text cacheType:enum(source|deps) contentHash?:text lockfileHash?:text platform:text arch:text',
  'cache.upload.complete':
    'messageId:text jobId:text cacheType:enum(source|deps) contentHash?:text lockfileHash?:text platform:text arch:text depsHash?:text',
  'cache.user.restore.request': 'messageId:text jobId:text key:text restoreKeys?:texts',
  'cache.user.save.request': 'messageId:text jobId:text key:text',
  'cache.user.save.complete': 'messageId:text jobId:text key:text tarHash:text sizeBytes:number',
  'cache.upload.response': 'requestId:text uploadUrl:text',
  'cache.user.restore.response':
    'requestId:text hit:boolean matchedKey?:text downloadUrl?:text tarHash?:text',
  'cache.user.save.response': 'requestId:text uploadUrl~:text skip:boolean',
  'provenance.upload.request': 'messageId:text jobId:text subjectDigest:text',
  'provenance.upload.complete':
    'messageId:text jobId:text subjectName:text subjectDigest:text mediaType:text',
  'provenance.upload.response': 'requestId:text uploadUrl:text',
  'fleet.logs.request': 'requestId:text logWindowHours:number maxBytes:number',
  'fleet.bundle.chunk': 'requestId:text seq:number isLast:boolean dataB64:text',
  'fleet.bundle.error': 'requestId:text message:text',
  'step.approval-request':
    'messageId:text runId:text jobId:text stepIndex:number stepName:text clauses:list reason:text timeoutSeconds?:number',
  'step.approval-request clauses.0': 'team~:text',
  'step.approval-request clauses.1': 'user~:text',
  'step.approval-resolved':
    'requestId:text runId:text jobId:text stepIndex:number outcome:enum(approved|rejected|expired) reason?:text',
  'execution.status':
    'messageId:text runId:text workflowName:text status:enum(pending|running|success|failed|cancelled|cancelling|held) repoIdentifier?:text sha?:text ref?:text triggerEvent?:text commitMessage?:text jobCount?:number startedAt:number completedAt?:number durationMs?:number timestamp:number parentRunId?:text|null originalRunId?:text|null triggeredBy?:text|null failureReason?:text',
  'step.status.forward':
    'messageId:text runId:text jobId:text jobName:text stepIndex:number stepName:text state:enum(running|success|failed|skipped|pending|cancelled) timestamp:number data?:record secretsAccessed?:texts',
  'job.status.forward':
    'messageId:text runId:text jobId:text jobName:text status:enum(pending|queued|running|recovering|cancelling|success|failed|cancelled|skipped|timed_out_stale|drift_dropped) matrixValues?:record startedAt?:number completedAt?:number durationMs?:number errorMessage?:text|null agentId?:text|null orchestratorId?:text|null runsOnLabels?:texts timestamp:number',
  'state.replay': 'messageId:text runs:list timestamp:number',
  'state.replay runs.0':
    'runId:text workflowName:text status:enum(pending|running|success|failed|cancelled|cancelling|held) routingKey?:text repoIdentifier?:text sha?:text ref?:text triggerEvent?:text commitMessage?:text jobCount:number startedAt:number completedAt?:number durationMs?:number parentRunId?:text|null originalRunId?:text|null triggeredBy?:text|null failureReason?:text jobs:list',
  'state.replay runs.0.jobs.0':
    'jobId:text jobName:text status:text startedAt?:number completedAt?:number durationMs?:number errorMessage?:text|null agentId?:text|null runsOnLabels?:texts',
  'auth.request': 'token:text protocolVersion:number',
  'auth.success': 'connectionId:text',
  'auth.failure': 'reason:text',
  heartbeat: 'timestamp:number',
  ack: 'messageId:text',
  nack: 'messageId:text reason:text',
  error: 'code:text message:text',
};

const observed: Readonly<Record<string, string>> = {
  'job.dispatch':
    'upstreamJobStatuses?:record orgId?:text repoId?:text cacheRefScope?:enum(shared|isolated)',
  'agent.register': 'properties?:record',
  'step.status': 'concurrencyKind?:text groupId?:text',
  'step.approval-request': 'payload?:record',
  'rate.limit.warning': 'retryAfterMs:number',
  'job.concurrency.report': 'messageId:text runId:text jobId:text group:text',
  'job.concurrency.ack':
    'requestId:text action:enum(proceed|wait|cancel) reason?:text runId?:text jobId?:text',
  'agent.metrics': 'messageId:text agentId:text metrics:list timestamp:number',
  'agent.metrics metrics.0':
    'name:text type:enum(counter|gauge|histogram|upDownCounter) value?:number|null labels?:record buckets?:list count?:number sum?:number|null',
  'agent.api.request': 'requestId:text method:text params?:record',
  'agent.api.response': 'requestId:text result~:anything error~:text',
  'run.event':
    'runId:text jobId?:text eventType:text timestampMs?:number sourceService?:text metadata?:record durationMs?:number|null',
  'job.context': 'runId:text jobId:text context:record',
};

const echo = 'attempt?:count fence?:count';
const extensions: Readonly<Record<string, string>> = {
  'job.dispatch': `${echo} traceparent?:text`,
  'job.ack': echo,
  'job.reject': echo,
  'job.status': echo,
  'step.status': echo,
  'log.chunk': echo,
  'job.heartbeat': echo,
  'agent.register': 'extensions?:object',
  'agent.register extensions':
    'fence:boolean granted:boolean heartbeatAck:boolean terminalAck:boolean agentWork?:boolean approvals?:boolean',
  'register.ack': 'sessionId?:text extensions?:object',
  'register.ack extensions':
    'fence:boolean granted:boolean heartbeatAck:boolean terminalAck:boolean agentWork?:boolean approvals?:boolean',
  'job.granted': 'runId:text jobId:text attempt:count fence:count leaseMs?:number',
  'job.heartbeat.ack': 'runId:text jobId:text attempt:count fence:count leaseMs:number',
  'job.status.ack': 'messageId:text runId:text jobId:text',
  'usage.report':
    'messageId:text runId:text jobId:text timestamp:number entries:list attempt?:count fence?:count',
  'usage.report entries.0':
    'kind:enum(model_call|tool_call|memory_operation|retrieval) stepIndex?:count startedAt?:number durationMs?:number costUsd?:text error.type?:text gen_ai.operation.name?:text gen_ai.provider.name?:text gen_ai.request.model?:text gen_ai.response.model?:text gen_ai.response.id?:text gen_ai.conversation.id?:text gen_ai.agent.name?:text gen_ai.tool.name?:text gen_ai.tool.call.id?:text gen_ai.data_source.id?:text gen_ai.usage.input_tokens?:count gen_ai.usage.output_tokens?:count gen_ai.usage.cache_read.input_tokens?:count gen_ai.usage.cache_creation.input_tokens?:count gen_ai.usage.reasoning.output_tokens?:count',
  'usage.ack': 'messageId:text runId:text jobId:text',
  'conversation.status':
    'messageId:text runId:text jobId:text timestamp:number conversationId:text state:enum(started|ended|failed) gen_ai.agent.name?:text gen_ai.agent.version?:text gen_ai.provider.name?:text gen_ai.request.model?:text turns?:count reason?:text attempt?:count fence?:count',
  'context.bundle':
    'messageId:text runId:text jobId:text timestamp:number bundleId:text digest:text sizeBytes:count tokens?:count conversationId?:text sources:list redactions:list uri?:text attempt?:count fence?:count',
  'context.bundle sources.0': 'uri:text kind:text digest?:text sizeBytes?:number tokens?:count',
  'context.bundle redactions.0': 'kind:text count:count uri?:text',
  'workspace.ref':
    'messageId:text runId:text jobId:text timestamp:number workspaceId:text kind:text uri?:text ref?:text sha?:text access?:enum(read|write) attributes?:record attempt?:count fence?:count',
  'artifact.upload.request':
    'messageId:text runId:text jobId:text name:text sizeBytes?:number mediaType?:text attempt?:count fence?:count',
  'artifact.upload.response': 'requestId:text uploadUrl:text error?:text',
  'artifact.upload.complete':
    'messageId:text runId:text jobId:text timestamp:number name:text sha256:text sizeBytes:count mediaType?:text stepIndex?:count attributes?:record attempt?:count fence?:count',
  'artifact.upload.result': 'requestId:text uri~:text error~:text',
  'job.approval-request':
    'messageId:text runId:text jobId:text clauses:list reason:text timeoutSeconds?:number payload?:record attempt?:count fence?:count',
  'job.approval-request clauses.0': 'team~:text',
  'job.approval-request clauses.1': 'user~:text',
  'job.approval-resolved':
    'requestId:text runId:text jobId:text outcome:enum(approved|rejected|expired) reason?:text',
};

export type FieldRow = Readonly<{
  message: string;
  path: readonly string[];
  need: 'required' | 'optional' | 'conditional';
  type: string;
  nullable: boolean;
  values: readonly string[];
  origin: 'published' | 'observed' | 'extension';
}>;

const needs = { '': 'required', '?': 'optional', '~': 'conditional' } as const;

function rowsOf(origin: FieldRow['origin'], table: Readonly<Record<string, string>>): FieldRow[] {
  return Object.entries(table).flatMap(([key, fields]) => {
    const [message = '', inside] = key.split(' ');
    const parents = inside === undefined ? [] : inside.split('.');
    return fields.split(' ').map((field): FieldRow => {
      const match = /^([\w.]+)([?~]?):(\w+)(?:\((.*)\))?(\|null)?$/.exec(field);
      if (match === null) throw new Error(`not a field: ${field}`);
      const [, name = '', need = '', type = '', values, nullable] = match;
      return {
        message,
        path: [...parents, name],
        need: need === '?' || need === '~' ? needs[need] : needs[''],
        type,
        nullable: nullable !== undefined,
        values: values === undefined ? [] : values.split('|'),
        origin,
      };
    });
  });
}

export const fieldTable: readonly FieldRow[] = [
  ...rowsOf('published', published),
  ...rowsOf('observed', observed),
  ...rowsOf('extension', extensions),
];
