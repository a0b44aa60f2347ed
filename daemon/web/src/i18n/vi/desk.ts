export const deskWords = {
};
