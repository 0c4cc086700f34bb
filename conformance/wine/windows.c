/*
 * The Windows side of the judge: BCrypt keys, and CryptoAPI keys of rsaenh.dll and dssenh.dll, by the line protocol of lines.h.
 *
 *   generate ALGORITHM BITS            a key pair             KEY
 *   import ALGORITHM TYPE BLOB         a key pair             KEY
 *   export KEY TYPE                    pair or symmetric      BLOB
 *   sign KEY PADDING HASH DIGEST       PADDING: none pkcs1 pss; HASH as BCrypt calls it   SIGNATURE
 *   verify KEY PADDING HASH DIGEST SIGNATURE
 *   encrypt KEY TEXT, decrypt KEY TEXT                        PKCS#1 v1.5
 *   agree KEY PEER KDF                 KDF: TRUNCATE (the raw secret) or HASH (its SHA-256)    SECRET
 *   secret ALGORITHM BYTES             a symmetric key        KEY
 *   import-secret ALGORITHM TYPE BLOB  a symmetric key        KEY
 *   cipher KEY BLOCKS                  one encryption in ECB
 *   capi-generate PROVIDER ALG_ID BITS PROVIDER: 24 PROV_RSA_AES, 13 PROV_DSS_DH   KEY
 *   capi-import PROVIDER BLOB                                 KEY
 *   capi-export KEY KIND [UNDER]       KIND: bType of the blob; UNDER: the key that it is encrypted for
 *   capi-sign KEY MESSAGE              SHA-1                  SIGNATURE
 *   capi-verify KEY MESSAGE SIGNATURE
 *   capi-decrypt KEY TEXT
 */
#define WINVER 0x0a00
#define _WIN32_WINNT 0x0a00
#include <windows.h>
#include <bcrypt.h>
#include <wincrypt.h>

#include "lines.h"

#define KEYS 4096
#define OUTPUT (1 << 15)

typedef struct {
    BCRYPT_KEY_HANDLE key;
    int symmetric;
    HCRYPTPROV provider;
    HCRYPTKEY capi;
    DWORD spec;
} Key;

static Key keys[KEYS];
static unsigned long count = 1;
static UCHAR out[OUTPUT];

static WCHAR *wide(const char *text)
{
    static WCHAR buffers[4][64];
    static int next;
    WCHAR *buffer = buffers[next++ % 4];
    MultiByteToWideChar(CP_ACP, 0, text, -1, buffer, 64);
    return buffer;
}

static Key *key_of(const char *text)
{
    return &keys[number_of(text) % KEYS];
}

/* Keeps a new key and answers with its number. */
static void answer_key(NTSTATUS status, Key key)
{
    if (status == 0) {
        keys[count] = key;
    }
    answer_number((unsigned long)status, status == 0 ? count++ : 0);
}

static NTSTATUS open_algorithm(const char *name, BCRYPT_ALG_HANDLE *algorithm)
{
    return BCryptOpenAlgorithmProvider(algorithm, wide(name), NULL, 0);
}

static void generate(void)
{
    Key key = {0};
    BCRYPT_ALG_HANDLE algorithm;
    NTSTATUS status = open_algorithm(word[1], &algorithm);
    if (status == 0) status = BCryptGenerateKeyPair(algorithm, &key.key, number_of(word[2]), 0);
    if (status == 0) status = BCryptFinalizeKeyPair(key.key, 0);
    answer_key(status, key);
}

static void import(void)
{
    Key key = {0};
    Bytes blob = bytes_of(word[3]);
    BCRYPT_ALG_HANDLE algorithm;
    NTSTATUS status = open_algorithm(word[1], &algorithm);
    if (status == 0) status = BCryptImportKeyPair(algorithm, NULL, wide(word[2]), &key.key, blob.bytes, blob.len, 0);
    answer_key(status, key);
}

static void export(void)
{
    ULONG len = 0;
    Key *key = key_of(word[1]);
    NTSTATUS status = BCryptExportKey(key->key, NULL, wide(word[2]), out, OUTPUT, &len, 0);
    answer_bytes((unsigned long)status, out, len);
}

/* The padding's parameters; they stay where they are until the next call. */
static void *padding(const char *kind, const char *hash, ULONG *flags)
{
    static BCRYPT_PKCS1_PADDING_INFO pkcs1;
    static BCRYPT_PSS_PADDING_INFO pss;
    if (!strcmp(kind, "pkcs1")) {
        pkcs1.pszAlgId = wide(hash);
        *flags = BCRYPT_PAD_PKCS1;
        return &pkcs1;
    }
    if (!strcmp(kind, "pss")) {
        pss.pszAlgId = wide(hash);
        pss.cbSalt = !strcmp(hash, "SHA1") ? 20 : 32;
        *flags = BCRYPT_PAD_PSS;
        return &pss;
    }
    *flags = 0;
    return NULL;
}

static void sign(void)
{
    ULONG len = 0, flags;
    void *info = padding(word[2], word[3], &flags);
    Bytes digest = bytes_of(word[4]);
    NTSTATUS status = BCryptSignHash(key_of(word[1])->key, info, digest.bytes, digest.len, out, OUTPUT, &len, flags);
    answer_bytes((unsigned long)status, out, len);
}

static void verify(void)
{
    ULONG flags;
    void *info = padding(word[2], word[3], &flags);
    Bytes digest = bytes_of(word[4]), signature = bytes_of(word[5]);
    answer((unsigned long)BCryptVerifySignature(key_of(word[1])->key, info, digest.bytes, digest.len, signature.bytes, signature.len, flags));
}

static void crypt(int decrypt)
{
    ULONG len = 0;
    Bytes text = bytes_of(word[2]);
    BCRYPT_KEY_HANDLE key = key_of(word[1])->key;
    NTSTATUS status = decrypt ? BCryptDecrypt(key, text.bytes, text.len, NULL, NULL, 0, out, OUTPUT, &len, BCRYPT_PAD_PKCS1)
                              : BCryptEncrypt(key, text.bytes, text.len, NULL, NULL, 0, out, OUTPUT, &len, BCRYPT_PAD_PKCS1);
    answer_bytes((unsigned long)status, out, len);
}

static void agree(void)
{
    ULONG len = 0;
    BCRYPT_SECRET_HANDLE secret;
    BCryptBuffer hash = {0, KDF_HASH_ALGORITHM, NULL};
    BCryptBufferDesc parameters = {BCRYPTBUFFER_VERSION, 1, &hash};
    int hashed = !strcmp(word[3], "HASH");
    NTSTATUS status = BCryptSecretAgreement(key_of(word[1])->key, key_of(word[2])->key, &secret, 0);
    hash.pvBuffer = (void *)BCRYPT_SHA256_ALGORITHM;
    hash.cbBuffer = sizeof(BCRYPT_SHA256_ALGORITHM);
    if (status == 0) status = BCryptDeriveKey(secret, wide(word[3]), hashed ? &parameters : NULL, out, OUTPUT, &len, 0);
    answer_bytes((unsigned long)status, out, len);
}

static void secret(void)
{
    Key key = {.symmetric = 1};
    Bytes bytes = bytes_of(word[2]);
    BCRYPT_ALG_HANDLE algorithm;
    NTSTATUS status = open_algorithm(word[1], &algorithm);
    if (status == 0) status = BCryptGenerateSymmetricKey(algorithm, &key.key, NULL, 0, bytes.bytes, bytes.len, 0);
    answer_key(status, key);
}

static void import_secret(void)
{
    Key key = {.symmetric = 1};
    Bytes blob = bytes_of(word[3]);
    BCRYPT_ALG_HANDLE algorithm;
    NTSTATUS status = open_algorithm(word[1], &algorithm);
    if (status == 0) status = BCryptImportKey(algorithm, NULL, wide(word[2]), &key.key, NULL, 0, blob.bytes, blob.len, 0);
    answer_key(status, key);
}

static void cipher(void)
{
    ULONG len = 0;
    Bytes text = bytes_of(word[2]);
    BCRYPT_KEY_HANDLE key = key_of(word[1])->key;
    NTSTATUS status = BCryptSetProperty(key, BCRYPT_CHAINING_MODE, (UCHAR *)BCRYPT_CHAIN_MODE_ECB, sizeof(BCRYPT_CHAIN_MODE_ECB), 0);
    if (status == 0) status = BCryptEncrypt(key, text.bytes, text.len, NULL, NULL, 0, out, OUTPUT, &len, 0);
    answer_bytes((unsigned long)status, out, len);
}

/* What a CryptoAPI call left behind, as a status. */
static NTSTATUS outcome(BOOL done)
{
    NTSTATUS status = done ? 0 : (NTSTATUS)(GetLastError() ? GetLastError() : 1);
    SetLastError(0);
    return status;
}

/* A context of its own for each key: an imported private key becomes the context's. */
static NTSTATUS open_provider(const char *type, HCRYPTPROV *provider)
{
    return outcome(CryptAcquireContextW(provider, NULL, NULL, number_of(type), CRYPT_VERIFYCONTEXT));
}

static DWORD spec_of(ALG_ID algorithm)
{
    return GET_ALG_CLASS(algorithm) == ALG_CLASS_SIGNATURE ? AT_SIGNATURE : AT_KEYEXCHANGE;
}

static void capi_generate(void)
{
    Key key = {0};
    ALG_ID algorithm = number_of(word[2]);
    NTSTATUS status = open_provider(word[1], &key.provider);
    key.spec = spec_of(algorithm);
    /* An RSA pair belongs to the context, as its key for signatures or for exchange; rsaenh.dll wants it named so. */
    if (algorithm == CALG_RSA_SIGN || algorithm == CALG_RSA_KEYX) algorithm = key.spec;
    if (status == 0) status = outcome(CryptGenKey(key.provider, algorithm, number_of(word[3]) << 16 | CRYPT_EXPORTABLE, &key.capi));
    answer_key(status, key);
}

static void capi_import(void)
{
    Key key = {0};
    Bytes blob = bytes_of(word[2]);
    NTSTATUS status = open_provider(word[1], &key.provider);
    if (blob.len >= sizeof(BLOBHEADER)) key.spec = spec_of(((BLOBHEADER *)blob.bytes)->aiKeyAlg);
    if (status == 0) status = outcome(CryptImportKey(key.provider, blob.bytes, blob.len, 0, CRYPT_EXPORTABLE, &key.capi));
    answer_key(status, key);
}

static void capi_export(void)
{
    DWORD len = 0;
    HCRYPTKEY under = words > 3 ? key_of(word[3])->capi : 0, key = key_of(word[1])->capi;
    NTSTATUS status = outcome(CryptExportKey(key, under, number_of(word[2]), 0, NULL, &len));
    if (status == 0) status = outcome(CryptExportKey(key, under, number_of(word[2]), 0, out, &len));
    answer_bytes((unsigned long)status, out, len);
}

static NTSTATUS hash(Key *key, const char *message, HCRYPTHASH *hash)
{
    Bytes bytes = bytes_of(message);
    NTSTATUS status = outcome(CryptCreateHash(key->provider, CALG_SHA1, 0, 0, hash));
    return status ? status : outcome(CryptHashData(*hash, bytes.bytes, bytes.len, 0));
}

static void capi_sign(void)
{
    DWORD len = OUTPUT;
    HCRYPTHASH digest;
    Key *key = key_of(word[1]);
    NTSTATUS status = hash(key, word[2], &digest);
    if (status == 0) status = outcome(CryptSignHashW(digest, key->spec, NULL, 0, out, &len));
    answer_bytes((unsigned long)status, out, len);
}

static void capi_verify(void)
{
    HCRYPTHASH digest;
    Key *key = key_of(word[1]);
    Bytes signature = bytes_of(word[3]);
    NTSTATUS status = hash(key, word[2], &digest);
    if (status == 0) status = outcome(CryptVerifySignatureW(digest, signature.bytes, signature.len, key->capi, NULL, 0));
    answer((unsigned long)status);
}

static void capi_decrypt(void)
{
    Bytes text = bytes_of(word[2]);
    DWORD len = text.len;
    NTSTATUS status = outcome(CryptDecrypt(key_of(word[1])->capi, 0, TRUE, 0, text.bytes, &len));
    answer_bytes((unsigned long)status, text.bytes, len);
}

static void decrypt(void)
{
    crypt(1);
}

static void encrypt(void)
{
    crypt(0);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } commands[] = {
        {"generate", generate}, {"import", import}, {"export", export}, {"sign", sign}, {"verify", verify}, {"encrypt", encrypt},
        {"decrypt", decrypt}, {"agree", agree}, {"secret", secret}, {"import-secret", import_secret}, {"cipher", cipher},
        {"capi-generate", capi_generate}, {"capi-import", capi_import}, {"capi-export", capi_export}, {"capi-sign", capi_sign},
        {"capi-verify", capi_verify}, {"capi-decrypt", capi_decrypt},
    };
    while (next_command()) {
        size_t i = 0;
        while (i < sizeof(commands) / sizeof(*commands) && strcmp(commands[i].name, word[0])) i++;
        if (i == sizeof(commands) / sizeof(*commands)) {
            answer(0xffffffffUL);
        } else {
            commands[i].run();
        }
    }
    return 0;
}
