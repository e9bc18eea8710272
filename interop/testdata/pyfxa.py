# Goes through an account's life with PyFxA, at the server whose root is the first
# argument, with the version of the password's stretching that is the second. Ends
# with a traceback where something is not as it should be.
import sys

import fxa.core
import fxa.errors
import fxa.oauth
import fxa.profile

root, version = sys.argv[1], int(sys.argv[2])
email, before, after = "py%d@example.org" % version, "correct horse", "battery staple"
firefox = "5882386c6d801776"
sync = "https://identity.mozilla.com/apps/oldsync"


def refused(errno, call, *args):
    try:
        call(*args)
    except fxa.errors.ClientError as e:
        assert e.details["errno"] == errno, e.details
    else:
        raise AssertionError("not refused")


accounts = fxa.core.Client(root + "/auth", key_stretch_version=version)
made = accounts.create_account(email, before, keys=True)
assert made.get_email_status()["verified"]
keys = made.fetch_keys()
refused(101, accounts.create_account, email, before)
refused(103, accounts.login, email, "wrong")

session = accounts.login(email, before, keys=True)
assert session.verified and session.fetch_keys() == keys
session.check_session_status()
assert accounts.get_account_status(session.uid)["exists"]
assert accounts.get_key_stretch_version(email)[0] == 2 # of every address
assert session.totp_exists() is False
assert len(accounts.get_random_bytes()) == 32

oauth = fxa.oauth.Client(firefox, server_url=root + "/oauth")
assert oauth.get_client_metadata()["name"] == "Firefox"
token = oauth.authorize_token(session, "profile " + sync)
found = oauth.verify_token(token, [sync, "profile:email"])
assert found["user"] == session.uid and found["client_id"] == firefox, found
profiles = fxa.profile.Client(root + "/profile")
assert profiles.get_profile(token)["email"] == profiles.get_email(token) == email
assert profiles.get_uid(token) == session.uid
assert profiles.get_avatar_url(token).startswith(root)
oauth.destroy_token(token)
refused(110, profiles.get_profile, token)

session.change_password(before, after)
session.check_session_status()
refused(103, accounts.login, email, before)
session = accounts.login(email, after, keys=True)
assert session.fetch_keys() == keys
if version == 1:
    # The server tells nobody that an account has version 1 alone, and this client
    # knows no other way to find out. The page does, and upgrades the account.
    refused(103, fxa.core.Client(root + "/auth", key_stretch_version=2).login, email, after)
session.destroy_session()
refused(110, session.check_session_status)
accounts.destroy_account(email, after)
refused(103, accounts.login, email, after)
