export const boardWords = {
};
