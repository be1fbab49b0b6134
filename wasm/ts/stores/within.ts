/** Opening the workspace or the gateway of a store that is open. */

import { checkOptions, checkText, checkWhole } from '../check.js';
import type { GatewayOptions, WorkspaceOptions } from './api.js';
import { OpenGateway } from './gateway.js';
import type { StoreHost } from './handle.js';
import type { Time } from './records.js';
import { oneOf } from './shape.js';
import { OpenWorkspace } from './workspace.js';

export const WORKSPACE_OPTIONS = ['id', 'dimensions', 'metric', 'times'] as const;
export const GATEWAY_OPTIONS = ['times'] as const;

const METRICS = oneOf(['cosine', 'l2', 'dot']);
const TIMES = oneOf(['iso', 'date']);

/** Opens the workspace of `host`; its handle closes that too when it is `owned`. */
export async function workspaceIn<T extends Time>(host: StoreHost, options: WorkspaceOptions | undefined, owned: boolean): Promise<OpenWorkspace<T>> {
  const { id, dimensions, metric, times } = checkWorkspaceOptions(options);
  const wanted = {
    ...(id === undefined ? {} : { id }),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(metric === undefined ? {} : { metric }),
  };
  const opened = await host.run((store) => store.openWorkspace(wanted));
  return new OpenWorkspace(host, opened, times === 'date', owned);
}

/** Opens the gateway of `host`; its handle closes that too when it is `owned`. */
export async function gatewayIn<T extends Time>(host: StoreHost, options: GatewayOptions | undefined, owned: boolean): Promise<OpenGateway<T>> {
  const { times } = checkGatewayOptions(options);
  await host.run((store) => store.openGateway());
  return new OpenGateway(host, times === 'date', owned);
}

export function checkWorkspaceOptions(options: WorkspaceOptions | undefined): WorkspaceOptions {
  const checked = checkOptions('the options of a workspace', options, WORKSPACE_OPTIONS);
  const { id, dimensions, metric, times } = checked;
  if (id !== undefined) checkText('the id of a workspace', id);
  if (dimensions !== undefined) checkWhole('the number of dimensions', dimensions, 1);
  if (metric !== undefined) METRICS.write('the metric', metric);
  if (times !== undefined) TIMES.write("the option 'times'", times);
  return checked;
}

export function checkGatewayOptions(options: GatewayOptions | undefined): GatewayOptions {
  const checked = checkOptions('the options of a gateway', options, GATEWAY_OPTIONS);
  if (checked.times !== undefined) TIMES.write("the option 'times'", checked.times);
  return checked;
}
