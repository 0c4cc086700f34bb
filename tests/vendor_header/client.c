/*
 * A client of the vendor interface, written against vendor-ext/include/cngtoken.h only. Compiled as C and as C++.
 *
 * Usage: client MODULE BLOB-FILE. Imports an ECCPRIVATEBLOB of P-256 into an existing token, exports its public half and compares.
 * Prints the step that failed; exit code 0 if all is well. The standard's types come from a header if there is one, else from the few
 * lines in types.h beside this file.
 */
#include "types.h"

#include "cngtoken.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef CK_RV (*GetInterface)(CK_UTF8CHAR_PTR, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
typedef CK_RV (*Initialize)(void *);
typedef CK_RV (*OpenSession)(CK_ULONG, CK_FLAGS, void *, void *, CK_SESSION_HANDLE *);
typedef CK_RV (*Login)(CK_SESSION_HANDLE, CK_ULONG, CK_UTF8CHAR_PTR, CK_ULONG);

static void *module;

/* A function pointer from dlsym, in the way that neither language warns about. */
static void symbol(const char *name, void *function)
{
    void *address = dlsym(module, name);
    memcpy(function, &address, sizeof(address));
}

#define CHECK(step, condition)                                                                                                  \
    do {                                                                                                                        \
        if (!(condition)) {                                                                                                     \
            printf("failed: %s\n", step);                                                                                       \
            return 1;                                                                                                           \
        }                                                                                                                       \
    } while (0)

int main(int argc, char **argv)
{
    static CK_BYTE blob[4096], out[4096];
    static CK_UTF8CHAR reason[255], pin[] = "12345678", name[] = CNGTOKEN_INTERFACE_NAME;
    CK_VERSION version = {CNGTOKEN_INTERFACE_VERSION_MAJOR, CNGTOKEN_INTERFACE_VERSION_MINOR};
    CK_INTERFACE *interface = NULL;
    CK_CNGTOKEN_FUNCTION_LIST_PTR list;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE pub = 7, priv = 7;
    CK_ULONG status = 1, reasonLen = sizeof(reason), length = sizeof(out), blobLen;
    GetInterface getInterface;
    Initialize initialize;
    OpenSession openSession;
    Login login;
    CK_C_ImportBCryptBlob exported;
    FILE *file;

    CHECK("arguments", argc == 3);
    file = fopen(argv[2], "rb");
    CHECK("fopen", file != NULL);
    blobLen = (CK_ULONG)fread(blob, 1, sizeof(blob), file);
    fclose(file);
    module = dlopen(argv[1], RTLD_NOW);
    CHECK("dlopen", module != NULL);
    symbol("C_GetInterface", &getInterface);
    symbol("C_Initialize", &initialize);
    symbol("C_OpenSession", &openSession);
    symbol("C_Login", &login);
    symbol("C_ImportBCryptBlob", &exported);

    CHECK("C_GetInterface", getInterface(name, &version, &interface, 0) == CKR_OK && interface != NULL);
    list = (CK_CNGTOKEN_FUNCTION_LIST_PTR)interface->pFunctionList;
    CHECK("version", list->version.major == 1 && list->version.minor == 0);
    CHECK("exported symbol", exported == list->C_ImportBCryptBlob);

    CHECK("C_Initialize", initialize(NULL) == CKR_OK);
    CHECK("C_OpenSession", openSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK);
    CHECK("C_Login", login(session, CKU_USER, pin, 8) == CKR_OK);

    CHECK("import", list->C_ImportBCryptBlob(session, BCRYPT_ECDSA_P256_ALGORITHM, CK_INVALID_HANDLE, BCRYPT_ECCPRIVATE_BLOB, blob, blobLen, 0,
                                             NULL, 0, &pub, &priv) == CKR_OK);
    CHECK("handles", pub != CK_INVALID_HANDLE && priv != CK_INVALID_HANDLE && pub != priv);
    CHECK("status", list->C_GetBCryptStatus(session, &status, reason, &reasonLen) == CKR_OK);
    CHECK("success", status == CNGTOKEN_STATUS_SUCCESS && reasonLen == 0);

    CHECK("size", list->C_ExportBCryptBlob(session, pub, BCRYPT_ECCPUBLIC_BLOB, 0, NULL, &length) == CKR_OK && length == 72);
    CHECK("export", list->C_ExportBCryptBlob(session, pub, BCRYPT_ECCPUBLIC_BLOB, 0, out, &length) == CKR_OK && length == 72);
    CHECK("coordinates", memcmp(out + 8, blob + 8, 64) == 0 && memcmp(out, "ECS1", 4) == 0);

    length = sizeof(out);
    CHECK("sensitive", list->C_ExportBCryptBlob(session, priv, BCRYPT_ECCPRIVATE_BLOB, 0, out, &length) == CKR_KEY_UNEXTRACTABLE);
    CHECK("status only", list->C_GetBCryptStatus(session, &status, NULL, NULL) == CKR_OK && status == CNGTOKEN_STATUS_NOT_SUPPORTED);
    reasonLen = sizeof(reason);
    CHECK("reason", list->C_GetBCryptStatus(session, &status, reason, &reasonLen) == CKR_OK && reasonLen > 0);

    pub = priv = 7;
    CHECK("truncated", list->C_ImportBCryptBlob(session, NULL, CK_INVALID_HANDLE, NULL, blob, blobLen - 1, 0, NULL, 0, &pub, &priv) == CKR_DATA_LEN_RANGE);
    CHECK("no handles", pub == CK_INVALID_HANDLE && priv == CK_INVALID_HANDLE);
    CHECK("its status", list->C_GetBCryptStatus(session, &status, NULL, NULL) == CKR_OK && status == CNGTOKEN_STATUS_INVALID_BUFFER_SIZE);

    pub = priv = 7;
    CHECK("null input", list->C_ImportBCryptBlob(session, NULL, CK_INVALID_HANDLE, NULL, NULL, 1, 0, NULL, 0, &pub, &priv) == CKR_ARGUMENTS_BAD);
    CHECK("no handles", pub == CK_INVALID_HANDLE && priv == CK_INVALID_HANDLE);
    CHECK("its status", list->C_GetBCryptStatus(session, &status, NULL, NULL) == CKR_OK && status == CNGTOKEN_STATUS_INVALID_PARAMETER);

    CHECK("bad session", list->C_ImportBCryptBlob(session + 1000, NULL, CK_INVALID_HANDLE, NULL, blob, blobLen, 0, NULL, 0, &pub, &priv)
                             == CKR_SESSION_HANDLE_INVALID);
    CHECK("the thread's status", list->C_GetBCryptStatus(CK_INVALID_HANDLE, &status, NULL, NULL) == CKR_OK && status == CNGTOKEN_STATUS_INVALID_HANDLE);

    printf("all is well\n");
    return 0;
}
