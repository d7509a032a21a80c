/** What a gateway's process is called, `<id>/<start>`, and the lease that says it is there. Pure. */

/** `<id>` of `<id>/<start>`. */
export const gatewayId = (gateway: string): string => gateway.slice(0, gateway.lastIndexOf('/'));

/** The lease of a gateway has its name, in the tokens of leases. */
export const leaseOfGateway = (gateway: string): string => `gateway.${gateway.replace('/', '.')}`;
/** How the leases of all processes of that id begin. */
export const leasesOfGatewayId = (id: string): string => `gateway.${id}.`;
export const gatewayOfLease = (lease: string): string =>
  lease.slice('gateway.'.length).replace('.', '/');
