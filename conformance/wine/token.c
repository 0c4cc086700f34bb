/*
 * The token's side of the judge: the module as a C program uses it, by the vendor header alone, with the line protocol of lines.h.
 * Usage: token MODULE, on a store that does not exist yet (CNGTOKEN_STORE). Keys are session objects that may leave again.
 *
 *   import ALGORITHM TYPE BLOB HALF    "-" for no algorithm or type; HALF: public or private; for a public blob the private handle is 0
 *                                      PUBLIC PRIVATE, or NTSTATUS and the reason
 *   export KEY TYPE                    BLOB
 *   sign KEY MECHANISM PARAMETER DATA  MECHANISM as a number, PARAMETER as bytes         SIGNATURE
 *   verify KEY MECHANISM PARAMETER DATA SIGNATURE
 *   encrypt KEY MECHANISM PARAMETER DATA, decrypt …                                     TEXT
 *   ecdh KEY POINT, dh KEY VALUE       the raw secret with a peer's public value         SECRET
 *   digest MECHANISM DATA              DIGEST
 */
#define CNGTOKEN_NO_PROTOTYPES
#include "cngtoken.h"

#include <dlfcn.h>

#include "lines.h"

#define OUTPUT (1 << 15)

/* The functions that are used, each under its name, from the module that is named on the command line. */
#define FUNCTIONS(X)                                                                                                              \
    X(C_GetInterface) X(C_Initialize) X(C_InitToken) X(C_InitPIN) X(C_OpenSession) X(C_Login) X(C_Logout) X(C_GetAttributeValue)    \
    X(C_SignInit) X(C_Sign) X(C_VerifyInit) X(C_Verify) X(C_EncryptInit) X(C_Encrypt) X(C_DecryptInit) X(C_Decrypt) X(C_DigestInit) \
    X(C_Digest) X(C_DeriveKey)
#define DECLARE(name) static CK_##name name;
#define LOAD(name)                                                                                                                \
    *(void **)&name = dlsym(module, #name);                                                                                       \
    if (!name) return #name;
FUNCTIONS(DECLARE)

static CK_CNGTOKEN_FUNCTION_LIST_PTR cng;
static CK_SESSION_HANDLE session;
static CK_BYTE out[OUTPUT];

static CK_UTF16CHAR *wide(const char *text)
{
    static CK_UTF16CHAR buffers[2][64];
    static int next;
    CK_UTF16CHAR *buffer = buffers[next++ % 2];
    size_t i = 0;
    if (!strcmp(text, "-")) {
        return NULL;
    }
    for (; text[i] && i < 63; i++) {
        buffer[i] = (CK_UTF16CHAR)text[i];
    }
    buffer[i] = 0;
    return buffer;
}

static void import(void)
{
    CK_BBOOL yes = 1, no = 0;
    CK_ATTRIBUTE may_leave[] = {{CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1}};
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    CK_UTF8CHAR reason[255];
    CK_ULONG status = 0, len = sizeof(reason);
    Bytes blob = bytes_of(word[3]);
    int private_half = !strcmp(word[4], "private");
    CK_RV rv = cng->C_ImportBCryptBlob(session, wide(word[1]), CK_INVALID_HANDLE, wide(word[2]), blob.bytes, blob.len, 0, private_half ? may_leave : NULL,
                                       private_half ? 2 : 0, &public_key, &private_key);
    cng->C_GetBCryptStatus(session, &status, reason, &len);
    if (rv == CKR_OK) {
        printf("0x%08lx %lu %lu\n", rv, public_key, private_key);
    } else {
        printf("0x%08lx 0x%08lx %.*s\n", rv, status, (int)len, (const char *)reason);
    }
    fflush(stdout);
}

static void export(void)
{
    CK_ULONG len = OUTPUT;
    CK_RV rv = cng->C_ExportBCryptBlob(session, number_of(word[1]), wide(word[2]), 0, out, &len);
    answer_bytes(rv, out, len);
}

static CK_MECHANISM mechanism(const char *number, const char *parameter)
{
    Bytes bytes = bytes_of(parameter);
    CK_MECHANISM mechanism = {number_of(number), bytes.len ? bytes.bytes : NULL, bytes.len};
    return mechanism;
}

/* C_Sign, C_Encrypt and C_Decrypt have one shape. */
static void one_shot(CK_C_SignInit init, CK_C_Sign run)
{
    CK_ULONG len = OUTPUT;
    Bytes data = bytes_of(word[4]);
    CK_MECHANISM how = mechanism(word[2], word[3]);
    CK_RV rv = init(session, &how, number_of(word[1]));
    if (rv == CKR_OK) rv = run(session, data.bytes, data.len, out, &len);
    answer_bytes(rv, out, len);
}

static void sign(void)
{
    one_shot(C_SignInit, C_Sign);
}

static void encrypt(void)
{
    one_shot(C_EncryptInit, C_Encrypt);
}

static void decrypt(void)
{
    one_shot(C_DecryptInit, C_Decrypt);
}

static void verify(void)
{
    Bytes data = bytes_of(word[4]), signature = bytes_of(word[5]);
    CK_MECHANISM how = mechanism(word[2], word[3]);
    CK_RV rv = C_VerifyInit(session, &how, number_of(word[1]));
    if (rv == CKR_OK) rv = C_Verify(session, data.bytes, data.len, signature.bytes, signature.len);
    answer(rv);
}

static void derive(CK_MECHANISM *how)
{
    CK_ULONG class = CKO_SECRET_KEY, type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = 1, no = 0;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)}, {CKA_KEY_TYPE, &type, sizeof(type)}, {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1}};
    CK_ATTRIBUTE value = {CKA_VALUE, out, OUTPUT};
    CK_OBJECT_HANDLE secret = 0;
    CK_RV rv = C_DeriveKey(session, how, number_of(word[1]), template, 4, &secret);
    if (rv == CKR_OK) rv = C_GetAttributeValue(session, secret, &value, 1);
    answer_bytes(rv, out, value.ulValueLen);
}

static void ecdh(void)
{
    Bytes point = bytes_of(word[2]);
    CK_ECDH1_DERIVE_PARAMS parameters = {CKD_NULL, 0, NULL, point.len, point.bytes};
    CK_MECHANISM how = {CKM_ECDH1_DERIVE, &parameters, sizeof(parameters)};
    derive(&how);
}

static void dh(void)
{
    Bytes value = bytes_of(word[2]);
    CK_MECHANISM how = {CKM_DH_PKCS_DERIVE, value.bytes, value.len};
    derive(&how);
}

static void digest(void)
{
    CK_ULONG len = OUTPUT;
    Bytes data = bytes_of(word[2]);
    CK_MECHANISM how = mechanism(word[1], "-");
    CK_RV rv = C_DigestInit(session, &how);
    if (rv == CKR_OK) rv = C_Digest(session, data.bytes, data.len, out, &len);
    answer_bytes(rv, out, len);
}

/* The module's functions, a token of its own, and a session with the user logged in; what did not work, or NULL. */
static const char *start(const char *path)
{
    static CK_UTF8CHAR label[] = "foreign judge                   ", so[] = "87654321", user[] = "12345678", vendor[] = CNGTOKEN_INTERFACE_NAME;
    CK_INTERFACE *interface = NULL;
    void *module = dlopen(path, RTLD_NOW);
    if (!module) return dlerror();
    FUNCTIONS(LOAD)
    if (C_GetInterface(vendor, NULL, &interface, 0) != CKR_OK) return "C_GetInterface";
    cng = interface->pFunctionList;
    if (C_Initialize(NULL) != CKR_OK) return "C_Initialize";
    if (C_InitToken(0, so, 8, label) != CKR_OK) return "C_InitToken";
    if (C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK) return "C_OpenSession";
    if (C_Login(session, CKU_SO, so, 8) != CKR_OK || C_InitPIN(session, user, 8) != CKR_OK || C_Logout(session) != CKR_OK) return "C_InitPIN";
    if (C_Login(session, CKU_USER, user, 8) != CKR_OK) return "C_Login";
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } commands[] = {
        {"import", import}, {"export", export}, {"sign", sign}, {"verify", verify}, {"encrypt", encrypt},
        {"decrypt", decrypt}, {"ecdh", ecdh}, {"dh", dh}, {"digest", digest},
    };
    const char *failed = argc == 2 ? start(argv[1]) : "usage: token MODULE";
    if (failed) {
        fprintf(stderr, "%s\n", failed);
        return 1;
    }
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
