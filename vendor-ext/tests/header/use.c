/* Uses everything in cngtoken.h once; compiled as C and as C++, never run. */
#include "cngtoken.h"
#include "cngtoken.h"

typedef char attribute_numbers[CKA_CNG_BLOB == 0xC34E4701UL && CKA_CNG_PASSWORD == 0xC34E4707UL ? 1 : -1];
typedef char unit_is_16_bits[sizeof(CK_UTF16CHAR) == 2 ? 1 : -1];
typedef char list_begins_with_version[sizeof(CK_CNGTOKEN_FUNCTION_LIST) == 4 * sizeof(void *) ? 1 : -1];

CK_RV use(CK_CNGTOKEN_FUNCTION_LIST_PTR list, CK_SESSION_HANDLE session, CK_BYTE_PTR blob, CK_ULONG len);

CK_RV use(CK_CNGTOKEN_FUNCTION_LIST_PTR list, CK_SESSION_HANDLE session, CK_BYTE_PTR blob, CK_ULONG len)
{
    CK_OBJECT_HANDLE pub = CK_INVALID_HANDLE, priv = CK_INVALID_HANDLE;
    CK_ULONG status = CNGTOKEN_STATUS_SUCCESS, size = 0;
#if defined(__cplusplus) || __STDC_VERSION__ >= 201112L
    const CK_UTF16CHAR *type = BCRYPT_RSAPRIVATE_BLOB;
    const CK_UTF16CHAR *alg = BCRYPT_RSA_ALGORITHM;
#else
    const CK_UTF16CHAR *type = 0;
    const CK_UTF16CHAR *alg = 0;
#endif
    CK_RV rv = list->C_ImportBCryptBlob(session, alg, CK_INVALID_HANDLE, type, blob, len, BCRYPT_NO_KEY_VALIDATION, 0, 0, &pub, &priv);
    if (rv != CKR_OK) {
        return C_GetBCryptStatus(session, &status, 0, &size);
    }
    rv = C_ImportBCryptBlob(session, alg, CK_INVALID_HANDLE, type, blob, len, 0, 0, 0, &pub, &priv);
    if (rv != CKR_OK || list->version.major != CNGTOKEN_INTERFACE_VERSION_MAJOR) {
        return list->C_GetBCryptStatus(session, &status, 0, &size);
    }
    if (C_ExportBCryptBlob(session, pub, type, 0, 0, &size) != CKR_OK) {
        return rv;
    }
    return list->C_ExportBCryptBlob(session, priv, type, 0, 0, &size);
}
