/* The few types and numbers of PKCS#11 that the client needs; where a real pkcs11.h is installed the header takes that one instead. */
#ifndef TYPES_H
#define TYPES_H 1

typedef unsigned char CK_BYTE, CK_UTF8CHAR;
typedef unsigned long CK_ULONG, CK_RV, CK_FLAGS, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE;
typedef CK_BYTE *CK_BYTE_PTR;
typedef CK_UTF8CHAR *CK_UTF8CHAR_PTR;
typedef CK_ULONG *CK_ULONG_PTR;
typedef CK_OBJECT_HANDLE *CK_OBJECT_HANDLE_PTR;
typedef struct CK_VERSION {
    CK_BYTE major, minor;
} CK_VERSION;
typedef struct CK_ATTRIBUTE {
    CK_ATTRIBUTE_TYPE type;
    void *pValue;
    CK_ULONG ulValueLen;
} CK_ATTRIBUTE, *CK_ATTRIBUTE_PTR;
typedef struct CK_INTERFACE {
    CK_UTF8CHAR_PTR pInterfaceName;
    void *pFunctionList;
    CK_FLAGS flags;
} CK_INTERFACE;

#define CK_INVALID_HANDLE 0UL
#define CKU_USER 1UL
#define CKF_RW_SESSION 2UL
#define CKF_SERIAL_SESSION 4UL
#define CKA_VENDOR_DEFINED 0x80000000UL
#define CKR_OK 0UL
#define CKR_ARGUMENTS_BAD 0x07UL
#define CKR_DATA_LEN_RANGE 0x21UL
#define CKR_KEY_UNEXTRACTABLE 0x6AUL
#define CKR_SESSION_HANDLE_INVALID 0xB3UL

#endif
