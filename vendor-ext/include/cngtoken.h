/*
 * cngtoken.h: the vendor extension of cngtoken, a PKCS#11 token that takes the key blobs of Microsoft CNG and CryptoAPI.
 *
 * It needs the types of PKCS#11 (CK_RV, CK_ULONG, CK_ATTRIBUTE_PTR ...). If no PKCS#11 header was included before (told by CKR_OK,
 * which every one of them defines as a macro), it includes "pkcs11.h", or CNGTOKEN_PKCS11_HEADER if that is defined as
 * <some/pkcs11.h>. Define CNGTOKEN_NO_PKCS11_HEADER to have it include nothing, where the types come from elsewhere.
 *
 * The specification is README.md in the folder above. Names, numbers and order of members never change within version 1.
 */
#ifndef CNGTOKEN_H
#define CNGTOKEN_H 1

#if !defined(CKR_OK) && !defined(CNGTOKEN_NO_PKCS11_HEADER)
#  ifdef CNGTOKEN_PKCS11_HEADER
#    include CNGTOKEN_PKCS11_HEADER
#  else
#    include "pkcs11.h"
#  endif
#endif

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Interface ------------------------------------------------------------------------------------------------------------- */

/* For C_GetInterface; the same functions are exported symbols of the module. */
#define CNGTOKEN_INTERFACE_NAME "Vendor cngtoken"
#define CNGTOKEN_INTERFACE_VERSION_MAJOR 1
#define CNGTOKEN_INTERFACE_VERSION_MINOR 0

/* A UTF-16 code unit in the host's byte order. Strings end with 0, so u"RSAPRIVATEBLOB" is one, in C11 and in C++11. */
#if defined(__cplusplus) && __cplusplus >= 201103L
typedef char16_t CK_UTF16CHAR;
#else
typedef uint16_t CK_UTF16CHAR;
#endif

/*
 * Imports a blob as BCryptImportKeyPair does. pszAlgId NULL: the blob decides. hImportKey: CK_INVALID_HANDLE. pszBlobType NULL: by
 * magic. An encrypted PKCS8_PRIVATEKEY has its password in pTemplate (CKA_CNG_PASSWORD). dwFlags: one of the BCRYPT_* values below, or 0. pTemplate is laid over what the blob says and may not contradict it.
 * phPublicKey NULL: no public object is made of a private blob. phPrivateKey may be NULL for a public blob only; a symmetric key
 * comes back through it.
 */
typedef CK_RV (*CK_C_ImportBCryptBlob)(
    CK_SESSION_HANDLE hSession,
    const CK_UTF16CHAR *pszAlgId,
    CK_OBJECT_HANDLE hImportKey,
    const CK_UTF16CHAR *pszBlobType,
    CK_BYTE_PTR pbInput,
    CK_ULONG cbInput,
    CK_ULONG dwFlags,
    CK_ATTRIBUTE_PTR pTemplate,
    CK_ULONG ulCount,
    CK_OBJECT_HANDLE_PTR phPublicKey,
    CK_OBJECT_HANDLE_PTR phPrivateKey);

/*
 * Exports a key as BCryptExportKey does. dwFlags: 0. pbOutput NULL: *pcbOutput becomes the size. A key that is sensitive, not
 * extractable, or to be wrapped by a trusted key only leaves the token only as a public blob.
 */
typedef CK_RV (*CK_C_ExportBCryptBlob)(
    CK_SESSION_HANDLE hSession,
    CK_OBJECT_HANDLE hKey,
    const CK_UTF16CHAR *pszBlobType,
    CK_ULONG dwFlags,
    CK_BYTE_PTR pbOutput,
    CK_ULONG_PTR pcbOutput);

/*
 * NTSTATUS and one line of reason (UTF-8, not terminated, at most 255 bytes) of the session's last import, export or C_CreateObject;
 * of the calling thread's last one if hSession is CK_INVALID_HANDLE. pReason NULL: *pulReasonLen becomes the size.
 */
typedef CK_RV (*CK_C_GetBCryptStatus)(
    CK_SESSION_HANDLE hSession,
    CK_ULONG_PTR pNtStatus,
    CK_UTF8CHAR_PTR pReason,
    CK_ULONG_PTR pulReasonLen);

/* What CK_INTERFACE.pFunctionList points to. */
typedef struct CK_CNGTOKEN_FUNCTION_LIST {
    CK_VERSION version; /* 1.0 */
    CK_C_ImportBCryptBlob C_ImportBCryptBlob;
    CK_C_ExportBCryptBlob C_ExportBCryptBlob;
    CK_C_GetBCryptStatus C_GetBCryptStatus;
} CK_CNGTOKEN_FUNCTION_LIST;

typedef CK_CNGTOKEN_FUNCTION_LIST *CK_CNGTOKEN_FUNCTION_LIST_PTR;

/* The exported symbols, for programs that link the module. */
#ifndef CNGTOKEN_NO_PROTOTYPES
extern CK_RV C_ImportBCryptBlob(
    CK_SESSION_HANDLE hSession,
    const CK_UTF16CHAR *pszAlgId,
    CK_OBJECT_HANDLE hImportKey,
    const CK_UTF16CHAR *pszBlobType,
    CK_BYTE_PTR pbInput,
    CK_ULONG cbInput,
    CK_ULONG dwFlags,
    CK_ATTRIBUTE_PTR pTemplate,
    CK_ULONG ulCount,
    CK_OBJECT_HANDLE_PTR phPublicKey,
    CK_OBJECT_HANDLE_PTR phPrivateKey);

extern CK_RV C_ExportBCryptBlob(
    CK_SESSION_HANDLE hSession,
    CK_OBJECT_HANDLE hKey,
    const CK_UTF16CHAR *pszBlobType,
    CK_ULONG dwFlags,
    CK_BYTE_PTR pbOutput,
    CK_ULONG_PTR pcbOutput);

extern CK_RV C_GetBCryptStatus(
    CK_SESSION_HANDLE hSession,
    CK_ULONG_PTR pNtStatus,
    CK_UTF8CHAR_PTR pReason,
    CK_ULONG_PTR pulReasonLen);
#endif

/* ---- Attributes: the same import through C_CreateObject ---------------------------------------------------------------------- */

#define CKA_CNG_BLOB         (CKA_VENDOR_DEFINED | 0x434E4701UL) /* the blob; not stored, cannot be read back */
#define CKA_CNG_BLOB_TYPE    (CKA_VENDOR_DEFINED | 0x434E4702UL) /* text: UTF-8 without NUL, or UTF-16LE with NUL */
#define CKA_CNG_ALG_ID       (CKA_VENDOR_DEFINED | 0x434E4703UL) /* text, as pszAlgId */
#define CKA_CNG_IMPORT_FLAGS (CKA_VENDOR_DEFINED | 0x434E4704UL) /* CK_ULONG, as dwFlags */
#define CKA_CNG_ORIGIN       (CKA_VENDOR_DEFINED | 0x434E4705UL) /* UTF-8 text, read only: type, magic, time of import */
#define CKA_CNG_CURVE_NAME   (CKA_VENDOR_DEFINED | 0x434E4706UL) /* text: curve of a generic magic, such as "nistP256" */
#define CKA_CNG_PASSWORD     (CKA_VENDOR_DEFINED | 0x434E4707UL) /* text: password of an encrypted PKCS8_PRIVATEKEY; not stored */

/* ---- dwFlags, as in bcrypt.h; compared for equality, because 0x18 contains the bit 0x08 -------------------------------------- */

#define BCRYPT_NO_KEY_VALIDATION              0x00000008
#define BCRYPT_KEY_VALIDATION_RANGE           0x00000010
#define BCRYPT_KEY_VALIDATION_RANGE_AND_ORDER 0x00000018
#define BCRYPT_KEY_VALIDATION_REGENERATE      0x00000020

/* ---- Values of *pNtStatus ---------------------------------------------------------------------------------------------------- */

#define CNGTOKEN_STATUS_SUCCESS             0x00000000UL
#define CNGTOKEN_STATUS_UNSUCCESSFUL        0xC0000001UL
#define CNGTOKEN_STATUS_INVALID_HANDLE      0xC0000008UL
#define CNGTOKEN_STATUS_INVALID_PARAMETER   0xC000000DUL
#define CNGTOKEN_STATUS_NO_MEMORY           0xC0000017UL
#define CNGTOKEN_STATUS_ACCESS_DENIED       0xC0000022UL
#define CNGTOKEN_STATUS_BUFFER_TOO_SMALL    0xC0000023UL
#define CNGTOKEN_STATUS_DISK_FULL           0xC000007FUL
#define CNGTOKEN_STATUS_NOT_SUPPORTED       0xC00000BBUL
#define CNGTOKEN_STATUS_INVALID_BUFFER_SIZE 0xC0000206UL

/* ---- bcrypt.h's and ncrypt.h's names of blob types and algorithms, where those headers do not exist --------------------------- */

#if !defined(_WIN32) && !defined(CNGTOKEN_NO_BCRYPT_NAMES)
#define BCRYPT_PUBLIC_KEY_BLOB          u"PUBLICBLOB"
#define BCRYPT_PRIVATE_KEY_BLOB         u"PRIVATEBLOB"
#define BCRYPT_RSAPUBLIC_BLOB           u"RSAPUBLICBLOB"
#define BCRYPT_RSAPRIVATE_BLOB          u"RSAPRIVATEBLOB"
#define BCRYPT_RSAFULLPRIVATE_BLOB      u"RSAFULLPRIVATEBLOB"
#define LEGACY_RSAPUBLIC_BLOB           u"CAPIPUBLICBLOB"
#define LEGACY_RSAPRIVATE_BLOB          u"CAPIPRIVATEBLOB"
#define BCRYPT_ECCPUBLIC_BLOB           u"ECCPUBLICBLOB"
#define BCRYPT_ECCPRIVATE_BLOB          u"ECCPRIVATEBLOB"
#define BCRYPT_ECCFULLPUBLIC_BLOB       u"ECCFULLPUBLICBLOB"
#define BCRYPT_ECCFULLPRIVATE_BLOB      u"ECCFULLPRIVATEBLOB"
#define BCRYPT_DH_PUBLIC_BLOB           u"DHPUBLICBLOB"
#define BCRYPT_DH_PRIVATE_BLOB          u"DHPRIVATEBLOB"
#define LEGACY_DH_PUBLIC_BLOB           u"CAPIDHPUBLICBLOB"
#define LEGACY_DH_PRIVATE_BLOB          u"CAPIDHPRIVATEBLOB"
#define BCRYPT_DSA_PUBLIC_BLOB          u"DSAPUBLICBLOB"
#define BCRYPT_DSA_PRIVATE_BLOB         u"DSAPRIVATEBLOB"
#define LEGACY_DSA_PUBLIC_BLOB          u"CAPIDSAPUBLICBLOB"
#define LEGACY_DSA_PRIVATE_BLOB         u"CAPIDSAPRIVATEBLOB"
#define LEGACY_DSA_V2_PUBLIC_BLOB       u"V2CAPIDSAPUBLICBLOB"
#define LEGACY_DSA_V2_PRIVATE_BLOB      u"V2CAPIDSAPRIVATEBLOB"
#define BCRYPT_MLKEM_PUBLIC_BLOB        u"MLKEMPUBLICBLOB"
#define BCRYPT_MLKEM_ENCAPSULATION_BLOB u"MLKEMPUBLICBLOB"
#define BCRYPT_MLKEM_PRIVATE_BLOB       u"MLKEMPRIVATEBLOB"
#define BCRYPT_MLKEM_DECAPSULATION_BLOB u"MLKEMPRIVATEBLOB"
#define BCRYPT_MLKEM_PRIVATE_SEED_BLOB  u"MLKEMPRIVATESEEDBLOB"
#define BCRYPT_PQDSA_PUBLIC_BLOB        u"PQDSAPUBLICBLOB"
#define BCRYPT_PQDSA_PRIVATE_BLOB       u"PQDSAPRIVATEBLOB"
#define BCRYPT_PQDSA_PRIVATE_SEED_BLOB  u"PQDSAPRIVATESEEDBLOB"
#define NCRYPT_PQ_PRIVATE_KEY_BLOB      u"PQPrivateKeyBlob"
#define BCRYPT_KEY_DATA_BLOB            u"KeyDataBlob"
#define NCRYPT_CIPHER_KEY_BLOB          u"CipherKeyBlob"
#define NCRYPT_PKCS8_PRIVATE_KEY_BLOB   u"PKCS8_PRIVATEKEY"

#define BCRYPT_RSA_ALGORITHM            u"RSA"
#define BCRYPT_RSA_SIGN_ALGORITHM       u"RSA_SIGN"
#define BCRYPT_ECDSA_ALGORITHM          u"ECDSA"
#define BCRYPT_ECDSA_P256_ALGORITHM     u"ECDSA_P256"
#define BCRYPT_ECDSA_P384_ALGORITHM     u"ECDSA_P384"
#define BCRYPT_ECDSA_P521_ALGORITHM     u"ECDSA_P521"
#define BCRYPT_ECDH_ALGORITHM           u"ECDH"
#define BCRYPT_ECDH_P256_ALGORITHM      u"ECDH_P256"
#define BCRYPT_ECDH_P384_ALGORITHM      u"ECDH_P384"
#define BCRYPT_ECDH_P521_ALGORITHM      u"ECDH_P521"
#define BCRYPT_DSA_ALGORITHM            u"DSA"
#define BCRYPT_DH_ALGORITHM             u"DH"
#define BCRYPT_MLKEM_ALGORITHM          u"ML-KEM"
#define BCRYPT_MLDSA_ALGORITHM          u"ML-DSA"
#define BCRYPT_SLHDSA_ALGORITHM         u"SLH-DSA"
#define BCRYPT_AES_ALGORITHM            u"AES"
#endif

#ifdef __cplusplus
}
#endif

#endif /* CNGTOKEN_H */
