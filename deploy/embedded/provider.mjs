// The OpenID Connect provider of the embedded stack: loopback only, for demo, training and tests.
// Everything it knows comes from one JSON file written by the stack:
//   { port, issuer, resource, audience, accessTokenSeconds, signingKey (private JWK, ES256),
//     cookieKey, clients: [{ client_id, client_secret, roles, department }] }
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const resourceServer = {
  scope: '',
  audience: settings.audience,
  accessTokenFormat: 'jwt', // RFC 9068
  accessTokenTTL: settings.accessTokenSeconds,
  jwt: { sign: { alg: 'ES256' } },
};

const clients = settings.clients.map((client) => ({
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

const provider = new Provider(settings.issuer, {
  clients,
  cookies: { keys: [settings.cookieKey] },
  jwks: { keys: [settings.signingKey] },
  ttl: { ClientCredentials: settings.accessTokenSeconds },
  extraClientMetadata: { properties: ['roles', 'department'] },
  // What the services need to know about who asks. Roles and department belong to the client.
  extraTokenClaims(_ctx, token) {
    const { roles, department } = token.client ?? {};
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
  },
  pkce: { required: () => true },
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
