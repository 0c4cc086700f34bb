/*
 * blob.c: a key blob of Windows in a C program: in, used, and out again.
 *
 *   cc -o blob blob.c -I ../include -I . -ldl
 *   ./blob /usr/lib/libcngtoken.so ECCPRIVATEBLOB key.blob 12345678 back.blob
 *
 * Takes an RSA or EC private key, signs one line with it, and writes the blob that the token gives back. The token (slot 0) exists.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CNGTOKEN_NO_PROTOTYPES /* everything comes from dlsym */
#include "cngtoken.h"

static CK_CNGTOKEN_FUNCTION_LIST_PTR cng;

/* Ends the program with what failed. For the vendor functions the token knows the NTSTATUS and a reason. */
static void must(const char *what, CK_RV rv, CK_SESSION_HANDLE session)
{
    CK_UTF8CHAR reason[255];
    CK_ULONG status = 0, length = sizeof(reason);
    if (rv == CKR_OK) return;
    fprintf(stderr, "%s: CK_RV 0x%lx\n", what, rv);
    if (cng && cng->C_GetBCryptStatus(session, &status, reason, &length) == CKR_OK && length > 0)
        fprintf(stderr, "NTSTATUS 0x%08lx: %.*s\n", status, (int)length, (const char *)reason);
    exit(1);
}

static void *symbol(void *module, const char *name)
{
    void *address = module ? dlsym(module, name) : NULL;
    if (!address) { fprintf(stderr, "%s\n", dlerror()); exit(1); }
    return address;
}

int main(int argc, char **argv)
{
    static CK_BYTE blob[1 << 16], signature[4096], text[] = "signed with a key from Windows";
    CK_UTF8CHAR vendor[] = CNGTOKEN_INTERFACE_NAME;
    CK_UTF16CHAR type[64] = {0};
    CK_BBOOL yes = 1, no = 0;
    CK_ATTRIBUTE may_leave[] = {{CKA_SENSITIVE, &no, sizeof(no)}, {CKA_EXTRACTABLE, &yes, sizeof(yes)}};
    CK_INTERFACE *interface = NULL;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE public_key, private_key;
    CK_ULONG length, signature_length = sizeof(signature);
    FILE *file;

    if (argc != 6) { fprintf(stderr, "usage: blob MODULE TYPE BLOB-FILE PIN OUTPUT\n"); return 2; }
    file = fopen(argv[3], "rb");
    if (!file) { perror(argv[3]); return 1; }
    length = (CK_ULONG)fread(blob, 1, sizeof(blob), file);
    fclose(file);
    for (size_t i = 0; argv[2][i] && i < 63; i++) type[i] = (CK_UTF16CHAR)argv[2][i]; /* a type's name is ASCII */

    /* The standard's functions, and the vendor's by their interface. */
    void *module = dlopen(argv[1], RTLD_NOW);
    CK_C_GetInterface get_interface = (CK_C_GetInterface)symbol(module, "C_GetInterface");
    CK_C_Initialize initialize = (CK_C_Initialize)symbol(module, "C_Initialize");
    CK_C_OpenSession open_session = (CK_C_OpenSession)symbol(module, "C_OpenSession");
    CK_C_Login login = (CK_C_Login)symbol(module, "C_Login");
    CK_C_SignInit sign_init = (CK_C_SignInit)symbol(module, "C_SignInit");
    CK_C_Sign sign = (CK_C_Sign)symbol(module, "C_Sign");
    CK_C_Finalize finalize = (CK_C_Finalize)symbol(module, "C_Finalize");
    must("C_Initialize", initialize(NULL), 0);
    must("C_GetInterface", get_interface(vendor, NULL, &interface, 0), 0);
    cng = (CK_CNGTOKEN_FUNCTION_LIST_PTR)interface->pFunctionList;
    must("C_OpenSession", open_session(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), 0);
    must("C_Login", login(session, CKU_USER, (CK_UTF8CHAR_PTR)argv[4], (CK_ULONG)strlen(argv[4])), session);

    /* In. Without the template the private key would be sensitive and never leave the token again. */
    must("C_ImportBCryptBlob",
         cng->C_ImportBCryptBlob(session, NULL, CK_INVALID_HANDLE, type, blob, length, 0, may_leave, 2, &public_key, &private_key), session);
    printf("imported %lu bytes: public key %lu, private key %lu\n", length, public_key, private_key);

    /* Used, as any PKCS#11 key. */
    CK_MECHANISM how = {blob[0] == 'E' ? CKM_ECDSA_SHA256 : CKM_SHA256_RSA_PKCS, NULL, 0};
    must("C_SignInit", sign_init(session, &how, private_key), session);
    must("C_Sign", sign(session, text, sizeof(text) - 1, signature, &signature_length), session);
    printf("signed: %lu bytes\n", signature_length);

    /* Out: once for the size, once for the bytes. */
    must("C_ExportBCryptBlob", cng->C_ExportBCryptBlob(session, private_key, type, 0, NULL, &length), session);
    must("C_ExportBCryptBlob", cng->C_ExportBCryptBlob(session, private_key, type, 0, blob, &length), session);
    file = fopen(argv[5], "wb");
    if (!file || fwrite(blob, 1, length, file) != length || fclose(file) != 0) { perror(argv[5]); return 1; }
    printf("exported: %lu bytes\n", length);
    must("C_Finalize", finalize(NULL), 0);
    return 0;
}
