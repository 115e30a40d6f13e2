// What a relying party does with openid-client: discovery, the code flow, tokens and what they open, the end of them.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import * as client from 'openid-client'
import { Browser, account, discover, issuer, register } from './world.mjs'

const redirect_uri = 'https://client.test/callback'
const SCOPE = 'openid offline_access provision:scim'
let acme

before(async () => {
  acme = await account('acme')
})

/** Asks, lets the person accept, exchanges the code; every check of openid-client is on. */
async function authorize(config, parameters = {}, options) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const [expectedNonce, expectedState] = [client.randomNonce(), client.randomState()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: SCOPE,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    nonce: expectedNonce,
    state: expectedState,
    ...parameters,
  })
  const back = await new Browser().walk(url, acme.person)
  const checks = { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true }
  return client.authorizationCodeGrant(config, back, checks, undefined, options)
}

for (const authentication of [client.ClientSecretBasic, client.ClientSecretPost]) {
  describe(authentication.name, () => {
    let config

    before(async () => {
      config = await discover(await register(acme), authentication)
      client.enableNonRepudiationChecks(config) // the ID token's signature too, though it came over the back channel
    })

    test('the code flow, and what the tokens open', async () => {
      assert.ok(config.serverMetadata().supportsPKCE())
      const tokens = await authorize(config)
      const claims = tokens.claims()
      assert.equal(claims.sub, acme.person.id)
      assert.equal(claims.iss, issuer.href.replace(/\/$/, ''))
      assert.equal(tokens.token_type, 'bearer')
      assert.ok(tokens.expiresIn() > 0)

      const user = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
      assert.equal(user.sub, acme.person.id)

      const users = await client.fetchProtectedResource(config, tokens.access_token, new URL('/scim/v2/Users', issuer), 'GET')
      assert.equal(users.status, 200)
      assert.equal((await users.json()).totalResults, 1)
    })

    test('refreshing rotates, and a refreshed token opens the same', async () => {
      const first = await authorize(config)
      const second = await client.refreshTokenGrant(config, first.refresh_token)
      assert.notEqual(second.refresh_token, first.refresh_token)
      const third = await client.refreshTokenGrant(config, second.refresh_token, { scope: 'provision:scim' })
      assert.equal(third.scope, 'provision:scim')
      await assert.rejects(client.refreshTokenGrant(config, first.refresh_token), { error: 'invalid_grant' })
      await assert.rejects(client.refreshTokenGrant(config, third.refresh_token), { error: 'invalid_grant' }, 'the family ended')
    })

    test('introspection tells the truth before and after revocation', async () => {
      const tokens = await authorize(config)
      const alive = await client.tokenIntrospection(config, tokens.access_token)
      assert.equal(alive.active, true)
      assert.equal(alive.scope, SCOPE)
      await client.tokenRevocation(config, tokens.refresh_token)
      for (const token of [tokens.access_token, tokens.refresh_token]) {
        assert.deepEqual(await client.tokenIntrospection(config, token), { active: false })
      }
      await assert.rejects(client.fetchUserInfo(config, tokens.access_token, client.skipSubjectCheck), {
        name: 'WWWAuthenticateChallengeError',
      })
    })

    test('client credentials', async () => {
      const tokens = await client.clientCredentialsGrant(config, { scope: 'provision:scim' })
      assert.equal(tokens.refresh_token, undefined)
      assert.equal(tokens.id_token, undefined)
      const users = await client.fetchProtectedResource(config, tokens.access_token, new URL('/scim/v2/Users?count=0', issuer), 'GET')
      assert.equal(users.status, 200)
    })

    test('a code counts once', async () => {
      const pkceCodeVerifier = client.randomPKCECodeVerifier()
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri,
        scope: SCOPE,
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      })
      const back = await new Browser().walk(url, acme.person)
      await client.authorizationCodeGrant(config, back, { pkceCodeVerifier })
      const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier }) // a client whose answer was lost asks again
      await client.fetchProtectedResource(config, tokens.access_token, new URL('/scim/v2/Users?count=0', issuer), 'GET')
      await assert.rejects(client.authorizationCodeGrant(config, back, { pkceCodeVerifier }), { error: 'invalid_grant' }, 'it is in use')
      await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
    })
  })
}

test('who denies sends an error that openid-client understands', async () => {
  const config = await discover(await register(acme))
  const expectedState = client.randomState()
  const url = client.buildAuthorizationUrl(config, { redirect_uri, scope: SCOPE, state: expectedState })
  const back = await new Browser().walk(url, acme.person, 'deny')
  await assert.rejects(client.authorizationCodeGrant(config, back, { expectedState }), { error: 'access_denied' })
})

test('a public client proves itself by PKCE', async () => {
  const registered = await register(acme, { public: true, grant_types: ['authorization_code', 'refresh_token'] })
  const config = await discover(registered, () => client.None())
  const tokens = await authorize(config)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.equal(refreshed.claims(), undefined, 'the ID token comes with the code only')
  assert.ok(refreshed.refresh_token)
})

test('a wrong secret is told from a wrong grant', async () => {
  const registered = { ...(await register(acme)), client_secret: 'gws_wrong' }
  const inBody = await discover(registered, client.ClientSecretPost)
  await assert.rejects(client.clientCredentialsGrant(inBody, { scope: 'provision:scim' }), { error: 'invalid_client' })
  // By Basic the answer has a challenge (RFC 6749 section 5.2), and openid-client reports that first.
  const inHeader = await discover(registered)
  await assert.rejects(client.clientCredentialsGrant(inHeader, { scope: 'provision:scim' }), (error) => {
    assert.equal(error.status, 401)
    assert.equal(error.cause[0].scheme, 'basic')
    return true
  })
})
