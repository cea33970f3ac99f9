// The OpenID Connect provider of the embedded stack: loopback only, for demo, training and tests.
// Everything it knows comes from one JSON file written by the stack:
//   { port, issuer, resource, audience, accessTokenSeconds, signingKey (private JWK, ES256),
//     cookieKey, clients: [{ client_id, client_secret, roles, department }],
//     pages: { client_id, client_secret, addresses: [url] },
//     people: [{ id, name, roles, department }], password }
// People log in to the pages with their name and the one password of this installation; programs
// take tokens with their own client's secret. `sub` is the same for both.
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

import { loginPage, logoutPage } from './pages.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const people = new Map(settings.people.map((person) => [person.id, person]));

const resourceServer = {
  scope: '',
  audience: settings.audience,
  accessTokenFormat: 'jwt', // RFC 9068
  accessTokenTTL: settings.accessTokenSeconds,
  jwt: { sign: { alg: 'ES256' } },
};

const programs = settings.clients.map((client) => ({
  client_id: client.client_id,
  client_secret: client.client_secret,
  token_endpoint_auth_method: 'client_secret_basic',
  id_token_signed_response_alg: 'ES256',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  roles: client.roles,
  ...(client.department ? { department: client.department } : {}),
}));

const pages = {
  client_id: settings.pages.client_id,
  client_secret: settings.pages.client_secret,
  token_endpoint_auth_method: 'client_secret_basic',
  id_token_signed_response_alg: 'ES256',
  grant_types: ['authorization_code'],
  response_types: ['code'],
  redirect_uris: settings.pages.addresses.map((address) => `${address}/login/return`),
  post_logout_redirect_uris: settings.pages.addresses.map((address) => `${address}/`),
};

// The pages are the installation's own: nobody is asked whether he agrees to them.
async function loadExistingGrant(ctx) {
  const { client, session, provider } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid profile');
  grant.addResourceScope(settings.resource, '');
  await grant.save();
  return grant;
}

const provider = new Provider(settings.issuer, {
  clients: [...programs, pages],
  cookies: { keys: [settings.cookieKey] },
  jwks: { keys: [settings.signingKey] },
  ttl: {
    AccessToken: settings.accessTokenSeconds,
    ClientCredentials: settings.accessTokenSeconds,
    IdToken: settings.accessTokenSeconds,
    Interaction: 3600,
    Session: 8 * 3600,
    Grant: 8 * 3600,
  },
  claims: { openid: ['sub'], profile: ['name'] },
  conformIdTokenClaims: false, // the name is in the ID token: nobody asks the userinfo endpoint
  extraClientMetadata: { properties: ['roles', 'department'] },
  async findAccount(_ctx, id) {
    const person = people.get(id);
    return person && { accountId: id, claims: () => ({ sub: id, name: person.name }) };
  },
  // What the services need to know about who asks.
  extraTokenClaims(_ctx, token) {
    const { roles, department } = people.get(token.accountId) ?? token.client ?? {};
    return { roles: roles ?? [], ...(department ? { department } : {}) };
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => settings.resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => resourceServer,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        ctx.set('content-security-policy', POLICY);
        ctx.body = logoutPage(form);
      },
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant,
  pkce: { required: () => true },
});

// Without form-action: the form leads on to the service that asked, by redirects.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

function matches(given) {
  const [one, other] = [given, settings.password].map((text) => Buffer.from(text.padEnd(64)));
  return one.length === other.length && timingSafeEqual(one, other);
}

async function bodyOf(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > 4096) throw new Error('too large');
    parts.push(part);
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'));
}

provider.use(async (ctx, next) => {
  if (!/^\/interaction\/[\w-]+$/.test(ctx.path)) return next();
  const english = !ctx.acceptsLanguages('zh', 'en') || ctx.acceptsLanguages('zh', 'en') === 'en';
  ctx.set('cache-control', 'no-store');
  ctx.set('content-security-policy', POLICY);
  ctx.type = 'html';
  let wrong = false;
  try {
    await provider.interactionDetails(ctx.req, ctx.res);
    if (ctx.method === 'POST') {
      const given = await bodyOf(ctx.req);
      const id = (given.get('name') ?? '').trim();
      if (people.has(id) && matches(given.get('password') ?? '')) {
        await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: id } });
        ctx.respond = false;
        return undefined;
      }
      wrong = true;
      ctx.status = 400;
    }
  } catch {
    ctx.status = 400;
    ctx.body = loginPage({ people: [], english, expired: true });
    return undefined;
  }
  if (!wrong) ctx.status = 200;
  ctx.body = loginPage({ people: [...people.values()], english, wrong, path: ctx.path });
  return undefined;
});

provider.on('server_error', (_ctx, error) => console.error(error));

const server = provider.listen(settings.port, '127.0.0.1');
server.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
