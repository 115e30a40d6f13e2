// What careful clients do beyond the code flow: pushed requests, proofs of possession, tokens for other servers, other keys.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import * as jose from 'jose'
import * as client from 'openid-client'
import { Browser, account, discover, issuer, register } from './world.mjs'

const redirect_uri = 'https://client.test/callback'
const scope = 'openid offline_access provision:scim'
const base = issuer.href.replace(/\/$/, '')
let acme

before(async () => {
  acme = await account('profiles')
})

async function pkce() {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const code_challenge = await client.calculatePKCECodeChallenge(pkceCodeVerifier)
  return [{ redirect_uri, scope, code_challenge, code_challenge_method: 'S256' }, { pkceCodeVerifier }]
}

const users = (config, token, options) =>
  client.fetchProtectedResource(config, token, new URL('/scim/v2/Users?count=0', issuer), 'GET', undefined, undefined, options)

test('PAR: the request is pushed, and the browser carries its name only', async () => {
  const config = await discover(await register(acme, { require_pushed_authorization_requests: true }))
  const [parameters, checks] = await pkce()
  const url = await client.buildAuthorizationUrlWithPAR(config, parameters)
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
  const tokens = await client.authorizationCodeGrant(config, await new Browser().walk(url, acme.person), checks)
  assert.equal((await users(config, tokens.access_token)).status, 200)
  const plain = await new Browser().walk(client.buildAuthorizationUrl(config, parameters), acme.person)
  await assert.rejects(client.authorizationCodeGrant(config, plain, checks), { error: 'invalid_request' })
})

for (const alg of ['ES256', 'EdDSA']) {
  describe(`DPoP with ${alg}`, () => {
    test('tokens are bound to the key, from the code to the last refresh', async () => {
      const config = await discover(await register(acme, { dpop_bound_access_tokens: true }))
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg))
      const [parameters, checks] = await pkce()
      const url = client.buildAuthorizationUrl(config, { ...parameters, dpop_jkt: await DPoP.calculateThumbprint() })
      const back = await new Browser().walk(url, acme.person)
      const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP })
      assert.equal(tokens.token_type, 'dpop')
      assert.equal((await users(config, tokens.access_token, { DPoP })).status, 200)
      await client.fetchUserInfo(config, tokens.access_token, acme.person.id, { DPoP })
      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
      assert.equal((await users(config, refreshed.access_token, { DPoP })).status, 200)
      const told = await client.tokenIntrospection(config, refreshed.access_token)
      assert.equal(told.cnf.jkt, await DPoP.calculateThumbprint())

      // Whoever has the token but not the key stays outside.
      const stolen = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair()) }
      for (const options of [undefined, stolen]) {
        await assert.rejects(users(config, tokens.access_token, options), { name: 'WWWAuthenticateChallengeError' })
      }
    })
  })
}

test('JWT access tokens (RFC 9068) for a resource server elsewhere, and revoked here at once', async () => {
  const registered = await register(acme, { access_token_format: 'jwt', resources: ['https://api.vendor.test/v1'] })
  const config = await discover(registered)
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const tokens = await client.clientCredentialsGrant(config, {
    scope: 'provision:scim',
    resource: 'https://api.vendor.test/v1',
  })
  const { payload, protectedHeader } = await jose.jwtVerify(tokens.access_token, keys, {
    issuer: base,
    audience: 'https://api.vendor.test/v1',
    typ: 'at+jwt',
  })
  assert.ok(['RS256', 'ES256', 'EdDSA'].includes(protectedHeader.alg))
  assert.equal(payload.client_id, registered.client_id)
  assert.equal(payload.scope, 'provision:scim')
  await assert.rejects(users(config, tokens.access_token), { name: 'WWWAuthenticateChallengeError' }, 'not meant for us')

  const ours = await client.clientCredentialsGrant(config, { scope: 'provision:scim' })
  assert.equal((await users(config, ours.access_token)).status, 200)
  await client.tokenRevocation(config, ours.access_token)
  await assert.rejects(users(config, ours.access_token), { name: 'WWWAuthenticateChallengeError' })
})

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  test(`ID tokens signed with ${alg}`, async () => {
    const options = { id_token_signed_response_alg: alg }
    const config = await discover(await register(acme, options), client.ClientSecretBasic, options)
    client.enableNonRepudiationChecks(config)
    const [parameters, checks] = await pkce()
    const back = await new Browser().walk(client.buildAuthorizationUrl(config, parameters), acme.person)
    const tokens = await client.authorizationCodeGrant(config, back, { ...checks, idTokenExpected: true })
    assert.equal(jose.decodeProtectedHeader(tokens.id_token).alg, alg)
  })
}
